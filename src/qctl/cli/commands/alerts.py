"""`qctl alert list|test|mute`: the rules by which the scheduler sends notifications about queues."""

from __future__ import annotations

from datetime import datetime, timezone
from shlex import quote
from typing import Annotated

import typer

from qctl import durations, view
from qctl.cli import documents
from qctl.cli.command import command
from qctl.cli.exit_codes import ExitCode
from qctl.cli.session import Session
from qctl.errors import UsageError
from qctl.models import Mute
from qctl.view import Cell

Name = Annotated[str, typer.Argument(metavar="ALERT", help="Name of the rule.")]


@command("list", examples="qctl alert list\nqctl alert list --json")
def list_rules(session: Session) -> None:
    """List alert rules and the queues that violate them.

    Shows the level now, since when each queue violates the rule, who is notified, and who muted it.
    """
    alerts = session.ops.alerts.list()
    empty = f"No alert rules. Add rules to {session.settings.alerts}."
    silent = any(alert.rule.is_default and not alert.rule.channels for alert in alerts)
    hint = f"default rules are silent: name email, webhook or command in [default] of {session.settings.alerts}"
    footer = [Cell(""), Cell(hint, "dim")] if silent else []
    table = view.Table(view.alert_columns(datetime.now(timezone.utc)), alerts, empty, footer)
    session.out.listing(documents.alert_list(alerts), table)


@command("test", examples="qctl alert test email-late", changes=True)
def test(session: Session, alert: Name) -> ExitCode:
    """Send a test notification to all channels of a rule."""
    deliveries = session.ops.alerts.test(alert)
    table = view.Table(view.delivery_columns(), deliveries, "The rule has no channels.")
    session.out.listing(documents.alert_test(alert, deliveries), table)
    sent = sum(delivery.sent for delivery in deliveries)
    return ExitCode.DONE if sent == len(deliveries) else ExitCode.PARTIAL if sent else ExitCode.FAILED


@command(
    "mute",
    examples="qctl alert mute email-late --for 2h --reason deploy\nqctl alert mute email-late --off",
    changes=True,
)
def mute(
    session: Session,
    alert: Name,
    duration: Annotated[
        str | None, typer.Option("--for", metavar="TIME", help="Duration: 90s, 30m, 1h30m, 2d. Default: until --off.")
    ] = None,
    reason: Annotated[str, typer.Option(metavar="TEXT", show_default=False, help="Reason, shown to everyone.")] = "",
    off: Annotated[bool, typer.Option("--off", help="Unmute the rule.")] = False,
) -> None:
    """Mute a rule: send no notifications."""
    if off and (duration or reason):
        raise UsageError("--off cannot be combined with --for or --reason")
    seconds = None if duration is None else durations.parse(duration, "--for", min_seconds=1.0)
    if off:
        changed = session.ops.alerts.unmute(alert)
        line = f"{alert} unmuted" if changed else f"{alert} was not muted"
        session.out.report(documents.alert_mute(alert, None, changed), [Cell(line, "good" if changed else "")])
        return
    muted = session.ops.alerts.mute(alert, seconds=seconds, reason=reason)
    session.out.report(documents.alert_mute(alert, muted, True), _muted(alert, muted))


def _muted(name: str, mute: Mute) -> list[Cell]:
    until = f" until {view.local_time(mute.until, mute.at)}" if mute.until else ""
    return [Cell(f"{name} muted{until}", "good"), Cell(f"  unmute with: qctl alert mute {quote(name)} --off", "dim")]
