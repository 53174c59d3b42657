"""`qctl alert list|test|mute`: the rules by which the scheduler tells people that a queue is bad."""

from __future__ import annotations

from datetime import datetime, timezone
from shlex import quote
from typing import Annotated

import typer

from qctl import durations, view
from qctl.cli import documents
from qctl.cli.command import command
from qctl.cli.exits import ExitCode
from qctl.cli.session import Session
from qctl.errors import UsageError
from qctl.models import Mute
from qctl.view import Cell

Name = Annotated[str, typer.Argument(metavar="ALERT", help="Name of a rule.")]


@command("list", examples="qctl alert list\nqctl alert list --json")
def rules(session: Session) -> None:
    """List the rules: how their queues stand now, which are bad and since when, who is told, who muted them."""
    found = session.ops.alerts.list()
    empty = f"No alerts. Write rules into {session.settings.alerts}: README shows one."
    table = view.Table(view.alert_columns(datetime.now(timezone.utc)), found, empty)
    session.out.listing(documents.alerts(found), table)


@command("test", examples="qctl alert test email-late", changes=True)
def test(session: Session, alert: Name) -> ExitCode:
    """Tell everybody whom a rule would tell that this is a test."""
    deliveries = session.ops.alerts.test(alert)
    table = view.Table(view.delivery_columns(), deliveries, "It tells nobody.")
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
    duration: Annotated[str | None, typer.Option("--for", metavar="TIME", help="90s, 30m, 1h30m, 2d.")] = None,
    reason: Annotated[str, typer.Option(metavar="TEXT", show_default=False, help="Why, for all who look at it.")] = "",
    off: Annotated[bool, typer.Option("--off", help="Tell of it again.")] = False,
) -> None:
    """Tell nobody of a rule for some time, or until --off."""
    if off and (duration or reason):
        raise UsageError("--off goes with neither --for nor --reason")
    seconds = None if duration is None else durations.parse(duration, "--for", shortest=1.0)
    if off:
        was = session.ops.alerts.unmute(alert)
        line = f"{alert} is told of again" if was else f"{alert} was not muted"
        session.out.report(documents.alert_mute(alert, None, was), [Cell(line, "good" if was else "")])
        return
    muted = session.ops.alerts.mute(alert, seconds=seconds, reason=reason)
    session.out.report(documents.alert_mute(alert, muted, True), _muted(alert, muted))


def _muted(name: str, mute: Mute) -> list[Cell]:
    until = f"until {view.local_time(mute.until, mute.at)}" if mute.until else "until somebody ends it"
    end = f"  end it: qctl alert mute {quote(name)} --off"
    return [Cell(f"nobody is told of {name} {until}", "good"), Cell(end, "dim")]
