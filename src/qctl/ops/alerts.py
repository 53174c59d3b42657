"""Alerts: rules that the scheduler looks at, and what people do with them."""

from __future__ import annotations

import builtins
import socket
from collections.abc import Callable

from qctl.broker.bookkeeping import alert_state, events
from qctl.broker.query import stats_snapshot
from qctl.broker.redis import clock
from qctl.errors import NotFoundError, QctlError, UsageError
from qctl.models import Alert, AlertRule, Channel, Delivery, Level, Mute, Notice, QueueCheck, Stats
from qctl.ops import alert_channels, alert_rules
from qctl.ops.base import Part
from qctl.ops.checks import judge
from qctl.settings import Settings

Words = Callable[[QueueCheck], str]
"""Says in one inert line what is wrong with a queue."""


class AlertOps(Part, name="alerts"):
    """What `qctl alert` does. Rules are in a file of this machine, what became of them is in Redis."""

    def list(self) -> builtins.list[Alert]:
        """Every rule, as it stands now. Raises SettingsError where the file cannot be used."""
        rules = load(self._settings)
        stats = stats_snapshot.stats(self._redis)
        firing, mutes = alert_state.read_firing(self._redis), alert_state.read_mutes(self._redis)
        return [
            Alert(rule, look(rule, stats), list(firing.get(rule.name, {}).values()), mutes.get(rule.name))
            for rule in rules
        ]

    def test(self, name: str) -> builtins.list[Delivery]:
        """Tell everybody whom a rule would tell that this is a test. Raises NotFoundError and SettingsError."""
        rule = self._rule(name)
        now = clock.to_datetime(clock.now_ms(self._redis))
        words = f"a test by {events.actor()}: alerts of this rule arrive"
        notice = Notice(
            rule.name, "", Level.OK, now, now, words, socket.gethostname(), f"test|{now.isoformat()}", test=True
        )
        return [deliver(notice, rule, channel, self._settings) for channel in rule.channels]

    def mute(self, name: str, *, seconds: float | None = None, reason: str = "") -> Mute:
        """Tell nobody of a rule, for so many seconds or until `unmute`. Raises NotFoundError and SettingsError."""
        if seconds is not None and seconds <= 0:
            raise UsageError("a rule is muted for longer than 0 s")
        rule = self._rule(name)
        return alert_state.mute(self._redis, rule.name, by=events.actor(), seconds=seconds, reason=reason)

    def unmute(self, name: str) -> bool:
        """Tell of a rule again. Returns whether it was muted. Raises NotFoundError and SettingsError."""
        return alert_state.unmute(self._redis, self._rule(name).name)

    def _rule(self, name: str) -> AlertRule:
        rules = load(self._settings)
        found = next((rule for rule in rules if rule.name == name), None)
        if found is None:
            known = ", ".join(rule.name for rule in rules) or "none"
            raise NotFoundError(f"there is no alert {name}", hint=f"{self._settings.alerts} has: {known}")
        return found


def load(settings: Settings) -> builtins.list[AlertRule]:
    """The rules that these settings name. Raises SettingsError."""
    return alert_rules.load(settings.alerts, settings.alert_webhooks)


def look(rule: AlertRule, stats: Stats) -> builtins.list[QueueCheck]:
    """How the queues of a rule stand. One that is not there yet has nothing wrong with it."""
    found: dict[str, QueueCheck] = {}
    for pattern in rule.queues or ("*",):
        try:
            found.update((queue.queue, queue) for queue in judge(stats, rule.thresholds, [pattern]).queues)
        except NotFoundError:
            continue
    return list(found.values())


def deliver(notice: Notice, rule: AlertRule, channel: Channel, settings: Settings) -> Delivery:
    """Send a notice by one of the channels of its rule. What goes wrong is told, not raised."""
    try:
        if channel.kind == "email":
            alert_channels.mail(notice, channel.target, settings)
        elif channel.kind == "webhook":
            alert_channels.webhook(notice, channel.target, settings)
        else:
            alert_channels.command(notice, rule.command)
    except QctlError as error:
        return Delivery(channel.label, False, error.message)
    return Delivery(channel.label, True)
