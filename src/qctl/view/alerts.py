"""Tables of alerts."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from qctl.safe import escape_line
from qctl.view.table import Cell, Column
from qctl.view.values import NO_VALUE, age, local_time

if TYPE_CHECKING:
    from qctl.models import Alert, AlertRule, Delivery
    from qctl.view.table import Style

LEVEL_STYLES: dict[str, Style] = {"OK": "good", "WARNING": "warn", "CRITICAL": "bad", "UNKNOWN": "warn"}
"""Style of each level, by its name."""


def alert_columns(now: datetime) -> list[Column[Alert]]:
    """Return the columns of alert rules."""
    return [
        Column("ALERT", lambda a: Cell(escape_line(a.rule.name)), min_width=12),
        Column("LEVEL", _level),
        Column("OF", lambda a: Cell(escape_line(_subjects(a.rule))), min_width=8, drop=2),
        Column("FIRING", lambda a: Cell(escape_line(", ".join(f.queue for f in a.firing) or NO_VALUE)), min_width=8),
        Column("SINCE", lambda a: Cell(_since(a, now)), right=True, drop=1),
        Column("NOTIFIED", lambda a: Cell(_notified(a, now)), right=True, drop=3),
        Column("CHANNELS", lambda a: Cell(escape_line(_channels(a))), min_width=12, drop=4),
        Column("MUTED", lambda a: mute_text(a, now), long=True),
    ]


def mute_text(alert: Alert, now: datetime) -> Cell:
    """Format who muted a rule, until when and why."""
    mute = alert.mute
    if mute is None:
        return Cell("")
    until = f" until {local_time(mute.until, now)}" if mute.until else ""
    reason = f": {escape_line(mute.reason)}" if mute.reason else ""
    return Cell(f"muted {age(mute.at, now)} ago by {escape_line(mute.by)}{until}{reason}", "warn")


def delivery_columns() -> list[Column[Delivery]]:
    """Return the columns of test notifications."""
    return [
        Column("CHANNEL", lambda d: Cell(escape_line(d.channel)), min_width=20),
        Column("SENT", lambda d: Cell("yes", "good") if d.sent else Cell("no", "bad")),
        Column("PROBLEM", lambda d: Cell(escape_line(d.problem), "bad"), long=True),
    ]


def _level(alert: Alert) -> Cell:
    known = alert.queues or alert.rule.has_findings
    return Cell(alert.level.name, LEVEL_STYLES[alert.level.name]) if known else Cell(NO_VALUE)


def _subjects(rule: AlertRule) -> str:
    """Return what a rule watches: queues, or kinds of findings."""
    kinds = (("health: ", rule.health), ("causes: ", rule.causes), ("topics: ", rule.topics), ("jobs: ", rule.jobs))
    watched = "; ".join(kind + ", ".join(names) for kind, names in kinds if names)
    return watched or ", ".join(rule.queues) or "all"


def _channels(alert: Alert) -> str:
    return ", ".join(channel.label for channel in alert.rule.channels) or "none: silent"


def _since(alert: Alert, now: datetime) -> str:
    return age(min((firing.since for firing in alert.firing), default=None), now)


def _notified(alert: Alert, now: datetime) -> str:
    return age(max((when for firing in alert.firing for when, _ in firing.notified.values()), default=None), now)
