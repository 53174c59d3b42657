"""Alert rules: list, test and mute them. `alert_watch` checks them in the scheduler."""

from __future__ import annotations

import builtins
import socket
from collections.abc import Callable

from qctl.broker.bookkeeping import alert_state, events
from qctl.broker.query import stats_snapshot
from qctl.broker.redis import clock
from qctl.errors import NotFoundError, QctlError, RefusedError, UsageError
from qctl.models import Alert, AlertRule, Channel, Delivery, Level, Mute, Notice, QueueCheck, Stats
from qctl.ops import alert_rules
from qctl.ops.alert_findings import SiteFindings
from qctl.ops.base import Part
from qctl.ops.checks import check_queues
from qctl.settings import Settings

DescribeCheck = Callable[[QueueCheck], str]
"""Describes the problem of a queue in one escaped line."""


class AlertOps(Part, name="alerts"):
    """Alert rules, for `qctl alert`. The rules are in a file on this machine, their state is in Redis."""

    def list(self) -> builtins.list[Alert]:
        """List every rule with its current state. Raises SettingsError if the file is invalid."""
        rules = load_rules(self._settings)
        stats = stats_snapshot.stats(self._redis)
        site = SiteFindings(self._redis, self._settings, stats)
        firing, mutes = alert_state.read_firing(self._redis), alert_state.read_mutes(self._redis)
        return [
            Alert(rule, check_rule(rule, stats, site), list(firing.get(rule.name, {}).values()), mutes.get(rule.name))
            for rule in rules
        ]

    def test(self, name: str) -> builtins.list[Delivery]:
        """Send a test alert through every channel of a rule. Raises NotFoundError and SettingsError."""
        rule = self._rule(name)
        if not rule.channels:
            raise RefusedError(
                f"rule {name!r} has no channel", f"name one in the table [default] of {self._settings.alerts}"
            )
        now = clock.to_datetime(clock.now_ms(self._redis))
        words = f"test by {events.actor()}: alerts of this rule arrive"
        notice = Notice(
            rule.name, "", Level.OK, now, now, words, socket.gethostname(), f"test|{now.isoformat()}", test=True
        )
        return [deliver(notice, rule, channel, self._settings) for channel in rule.channels]

    def mute(self, name: str, *, seconds: float | None = None, reason: str = "") -> Mute:
        """Mute the alerts of a rule for so many seconds, or until `unmute`. Raises NotFoundError and SettingsError."""
        if seconds is not None and seconds <= 0:
            raise UsageError(f"mute of {seconds:g} s is too short; it must be longer than 0 s")
        rule = self._rule(name)
        return alert_state.mute(self._redis, rule.name, by=events.actor(), seconds=seconds, reason=reason)

    def unmute(self, name: str) -> bool:
        """Unmute a rule. Returns whether it was muted. Raises NotFoundError and SettingsError."""
        return alert_state.unmute(self._redis, self._rule(name).name)

    def _rule(self, name: str) -> AlertRule:
        rules = load_rules(self._settings)
        rule = next((rule for rule in rules if rule.name == name), None)
        if rule is None:
            known = ", ".join(rule.name for rule in rules) or "none"
            raise NotFoundError(f"alert rule {name!r} not found", hint=f"rules in {self._settings.alerts}: {known}")
        return rule


def load_rules(settings: Settings) -> builtins.list[AlertRule]:
    """Read the file of rules that the settings name, after the default rules. Raises SettingsError."""
    return alert_rules.load_with_defaults(settings.alerts, settings.alert_webhooks)


def check_rule(rule: AlertRule, stats: Stats, site: SiteFindings) -> builtins.list[QueueCheck]:
    """Check the queues of a rule, or its findings. A queue that does not exist yet has no problem."""
    if rule.has_findings:
        return site.check(rule)
    checks: dict[str, QueueCheck] = {}
    for pattern in rule.queues or ("*",):
        try:
            checks.update((queue.queue, queue) for queue in check_queues(stats, rule.thresholds, [pattern]).queues)
        except NotFoundError:
            continue
    return list(checks.values())


def deliver(notice: Notice, rule: AlertRule, channel: Channel, settings: Settings) -> Delivery:
    """Send a notice through one channel of its rule. A failure is returned, not raised."""
    from qctl.ops import alert_channels  # a large import that checks of the rules do not need

    try:
        if channel.kind == "email":
            alert_channels.send_mail(notice, channel.target, settings)
        elif channel.kind == "webhook":
            alert_channels.post_webhook(notice, channel.target, settings)
        else:
            alert_channels.run_command(notice, rule.command)
    except QctlError as error:
        return Delivery(channel.label, False, error.message)
    return Delivery(channel.label, True)
