"""The scheduler's look at the rules of alerts, every few seconds, in a thread of its own."""

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
from qctl.ops.alerts import Words, deliver, load, look
from qctl.safe import escape_line
from qctl.settings import Settings

log = logging.getLogger(__name__)

TELLING = 120.0
"""Seconds that telling somebody takes at most: longer than a command or a web hook may."""


class AlertWatch:
    """Tells whoever a rule names when a queue is bad, again while it stays so, and when it is well.

    `words` say what is wrong with a queue. Everything told is told at least once by each channel: one that fails is
    tried again at the next look, the others are not.
    """

    def __init__(self, settings: Settings, words: Words) -> None:
        self._settings = settings
        self._words = words
        self._redis = connect(settings, name="qctl-alerts")
        self._rules: list[AlertRule] = []
        self._complaint = ""
        self._go_on: Callable[[], None] | None = None

    def run(self, stop: Event) -> None:
        """Look until `stop` is set. Whatever goes wrong is logged, and it goes on."""
        while not stop.wait(self._settings.alert_interval):
            try:
                with translate_errors(self._settings):
                    self.look()
            except QctlError as error:
                log.warning("cannot look at alerts: %s", error.message)
            except Exception:
                log.exception("cannot look at alerts")
        self._redis.close()

    def look(self) -> None:
        """Read the rules and the queues once, and tell what is to be told. Raises what Redis raises."""
        self._read_rules()
        if not self._rules and not alert_state.read_firing(self._redis):
            return
        with locks.try_lock(self._redis, "alerts", TELLING) as self._go_on:
            if self._go_on:
                self._look(stats_snapshot.stats(self._redis))

    def _read_rules(self) -> None:
        """Take the file as it is now. One that cannot be used is complained of once, and the rules before stay."""
        try:
            self._rules, complaint = load(self._settings), ""
        except SettingsError as error:
            complaint = error.message
        if complaint and complaint != self._complaint:
            log.error("the rules of alerts stay as they were: %s", complaint)
        self._complaint = complaint

    def _look(self, stats: Stats) -> None:
        before = alert_state.read_firing(self._redis)
        muted = alert_state.read_mutes(self._redis)
        now = clock.to_datetime(clock.now_ms(self._redis))
        log.debug("looks at %d queues by %d rules", len(stats.queues), len(self._rules))
        for rule in self._rules:
            known = before.pop(rule.name, {})
            for queue in look(rule, stats):
                self._judge(rule, queue, known.pop(queue.queue, None), now, muted=rule.name in muted)
            for name in known:
                alert_state.delete(self._redis, rule.name, name)
        for gone, queues in before.items():
            for name in queues:
                alert_state.delete(self._redis, gone, name)

    def _judge(self, rule: AlertRule, queue: QueueCheck, was: Firing | None, now: datetime, *, muted: bool) -> None:
        """Note how one queue stands by one rule, and tell of it where it is time to. What is not known is no news."""
        if queue.level == Level.UNKNOWN:
            return
        if queue.level == Level.OK:
            if was:
                self._resolve(rule, was, now, muted=muted)
            return
        firing = replace(was, level=queue.level) if was else Firing(queue.queue, queue.level, now)
        if firing != was:
            log.debug("%s: %s is %s since %s", rule.name, queue.queue, queue.level.name, firing.since.isoformat())
            alert_state.record(self._redis, rule.name, firing)
        if muted or (now - firing.since).total_seconds() < rule.hold:
            return
        for channel in rule.channels:
            if _is_time(rule, firing, channel, now):
                last = firing.notified[channel.label][0].isoformat() if channel.label in firing.notified else ""
                key = f"{rule.name}|{queue.queue}|{firing.since.isoformat()}|{firing.level}|{last}"
                notice = self._notice(rule, queue.queue, firing, now, self._words(queue), key)
                if self._tell(rule, notice, channel):
                    firing = replace(firing, notified={**firing.notified, channel.label: (now, firing.level)})
                    alert_state.record(self._redis, rule.name, firing)

    def _resolve(self, rule: AlertRule, was: Firing, now: datetime, *, muted: bool) -> None:
        """A queue is well again: tell those who were told that it was not."""
        key = f"{rule.name}|{was.queue}|{was.since.isoformat()}|resolved"
        words = f"{escape_line(was.queue)} is well again"
        notice = self._notice(rule, was.queue, replace(was, level=Level.OK), now, words, key)
        told = [channel for channel in rule.channels if channel.label in was.notified and not muted]
        failed = {channel.label for channel in told if not self._tell(rule, notice, channel)}
        if failed:
            left = {label: when for label, when in was.notified.items() if label in failed}
            alert_state.record(self._redis, rule.name, replace(was, notified=left))
        else:
            alert_state.delete(self._redis, rule.name, was.queue)

    def _notice(self, rule: AlertRule, queue: str, firing: Firing, now: datetime, words: str, key: str) -> Notice:
        return Notice(rule.name, queue, firing.level, firing.since, now, words, socket.gethostname(), key)

    def _tell(self, rule: AlertRule, notice: Notice, channel: Channel) -> bool:
        """Send one notice. Returns whether it went out."""
        if self._go_on:
            self._go_on()
        delivery = deliver(notice, rule, channel, self._settings)
        if not delivery.sent:
            log.error("cannot tell %s of %s: %s", delivery.channel, notice.subject, delivery.problem)
            return False
        log.info("told %s of %s", delivery.channel, notice.subject)
        events.record(
            self._redis, "alerted", queue=notice.queue, reason=notice.subject[:300], actor=f"alert:{rule.name}"
        )
        return True


def _is_time(rule: AlertRule, firing: Firing, channel: Channel, now: datetime) -> bool:
    """Whether a channel is to be told: never before, of something worse now, or long enough ago."""
    if channel.label not in firing.notified:
        return True
    when, level = firing.notified[channel.label]
    worse = level == Level.WARNING and firing.level == Level.CRITICAL
    return worse or (rule.repeat > 0 and (now - when).total_seconds() >= rule.repeat)
