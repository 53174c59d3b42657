"""Checks the alert rules every few seconds, in a thread of the scheduler, and sends alerts."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from threading import Event

from qctl.broker.bookkeeping import alert_state, events
from qctl.broker.query import stats_snapshot
from qctl.broker.redis import clock, locks
from qctl.broker.redis.connection import connect, translate_errors
from qctl.errors import QctlError, SettingsError
from qctl.models import AlertRule, Channel, Firing, Level, Notice, QueueCheck, Stats
from qctl.ops.alert_findings import SiteFindings
from qctl.ops.alerts import DescribeCheck, check_rule, deliver, load_rules
from qctl.safe import escape_line
from qctl.settings import Settings

log = logging.getLogger(__name__)

LOCK_SECONDS = 120.0
"""Lifetime of the lock between two deliveries: longer than any delivery may take."""


class AlertWatch:
    """Sends alerts when a queue exceeds a rule's thresholds, again at intervals, and when it has recovered.

    `describe` describes the problem of a queue. Each alert is delivered at least once through each channel: a failed
    delivery is repeated at the next check, without repeating the others.
    """

    def __init__(self, settings: Settings, describe: DescribeCheck) -> None:
        self._settings = settings
        self._describe = describe
        self._redis = connect(settings, name="qctl-alerts")
        self._rules: list[AlertRule] = []
        self._rules_error = ""
        self._extend_lock: Callable[[], None] | None = None

    def run(self, stop: Event) -> None:
        """Check until `stop` is set. Errors are logged, and checking continues."""
        while not stop.wait(self._settings.alert_interval):
            try:
                with translate_errors(self._settings):
                    self.check()
            except QctlError as error:
                log.warning("alert check failed: %s", error.message)
            except Exception:
                log.exception("alert check failed")
        self._redis.close()

    def check(self) -> None:
        """Check all rules once, and send due alerts. Raises the errors of Redis."""
        self._read_rules()
        if not self._rules and not alert_state.read_firing(self._redis):
            return
        with locks.try_lock(self._redis, "alerts", LOCK_SECONDS) as self._extend_lock:
            if self._extend_lock:
                self._check_all(stats_snapshot.stats(self._redis))

    def _read_rules(self) -> None:
        """Reload the rules. An invalid file is logged once, and the previous rules stay in force."""
        try:
            self._rules, problem = [rule for rule in load_rules(self._settings) if rule.channels], ""
        except SettingsError as error:
            problem = error.message
        if problem and problem != self._rules_error:
            log.error("alert rules not reloaded, the previous rules stay in force: %s", problem)
        self._rules_error = problem

    def _check_all(self, stats: Stats) -> None:
        before = alert_state.read_firing(self._redis)
        muted = alert_state.read_mutes(self._redis)
        now = clock.to_datetime(clock.now_ms(self._redis))
        log.debug("checking alerts: queues=%d rules=%d", len(stats.queues), len(self._rules))
        site = SiteFindings(self._redis, self._settings, stats, is_watch=True)
        for rule in self._rules:
            known = before.pop(rule.name, {})
            for queue in check_rule(rule, stats, site):
                self._update(rule, queue, known.pop(queue.queue, None), now, muted=rule.name in muted)
            for name, was in known.items():
                if rule.has_findings and not rule.causes:
                    self._resolve(rule, was, now, muted=rule.name in muted)
                else:  # the queue is gone; a cause is told once
                    alert_state.delete(self._redis, rule.name, name)
        for deleted_rule, queues in before.items():
            for name in queues:
                alert_state.delete(self._redis, deleted_rule, name)

    def _update(self, rule: AlertRule, queue: QueueCheck, was: Firing | None, now: datetime, *, muted: bool) -> None:
        """Record the state of a queue under a rule, and send the alerts that are due. An unknown state changes
        nothing."""
        if queue.level == Level.UNKNOWN:
            return
        if queue.level == Level.OK:
            if was:
                self._resolve(rule, was, now, muted=muted)
            return
        check_name = queue.finding.check if queue.finding else ""
        firing = replace(was, level=queue.level) if was else Firing(queue.queue, queue.level, now, check=check_name)
        if firing != was:
            log.debug(
                "alert: rule=%s queue=%s level=%s since=%s",
                rule.name,
                queue.queue,
                queue.level.name,
                firing.since.isoformat(),
            )
            alert_state.record(self._redis, rule.name, firing)
        if muted or (now - firing.since).total_seconds() < rule.hold:
            return
        for channel in rule.channels:
            if _is_due(rule, firing, channel, now):
                last = firing.notified[channel.label][0].isoformat() if channel.label in firing.notified else ""
                key = f"{rule.name}|{queue.queue}|{firing.since.isoformat()}|{firing.level}|{last}"
                notice = self._notice(rule, queue.queue, firing, now, self._describe(queue), key)
                if self._send(rule, notice, channel):
                    firing = replace(firing, notified={**firing.notified, channel.label: (now, firing.level)})
                    alert_state.record(self._redis, rule.name, firing)

    def _resolve(self, rule: AlertRule, was: Firing, now: datetime, *, muted: bool) -> None:
        """Notify the channels that were alerted that the queue has recovered."""
        key = f"{rule.name}|{was.queue}|{was.since.isoformat()}|resolved"
        words = f"{escape_line(was.queue)} has recovered"
        notice = self._notice(rule, was.queue, replace(was, level=Level.OK), now, words, key)
        channels = [channel for channel in rule.channels if channel.label in was.notified and not muted]
        failed = {channel.label for channel in channels if not self._send(rule, notice, channel)}
        if failed:
            remaining = {label: when for label, when in was.notified.items() if label in failed}
            alert_state.record(self._redis, rule.name, replace(was, notified=remaining))
        else:
            alert_state.delete(self._redis, rule.name, was.queue)

    def _notice(self, rule: AlertRule, queue: str, firing: Firing, now: datetime, words: str, key: str) -> Notice:
        host = socket.gethostname()
        return Notice(rule.name, queue, firing.level, firing.since, now, words, host, key, check=firing.check)

    def _send(self, rule: AlertRule, notice: Notice, channel: Channel) -> bool:
        """Send one notice. Returns whether it was delivered."""
        if self._extend_lock:
            self._extend_lock()
        delivery = deliver(notice, rule, channel, self._settings)
        if not delivery.sent:
            log.error("alert not sent: channel=%s problem=%s: %s", delivery.channel, delivery.problem, notice.subject)
            return False
        log.info("alert sent: channel=%s: %s", delivery.channel, notice.subject)
        queue = "" if notice.check else notice.queue
        events.record(self._redis, "alerted", queue=queue, reason=notice.subject[:300], actor=f"alert:{rule.name}")
        return True


def _is_due(rule: AlertRule, firing: Firing, channel: Channel, now: datetime) -> bool:
    """Return True if a channel has no alert yet, the level has become worse, or the repeat interval has passed."""
    if channel.label not in firing.notified:
        return True
    when, level = firing.notified[channel.label]
    worse = level == Level.WARNING and firing.level == Level.CRITICAL
    return worse or (rule.repeat > 0 and (now - when).total_seconds() >= rule.repeat)
