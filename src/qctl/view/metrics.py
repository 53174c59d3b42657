"""Tables of metrics."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from qctl.safe import escape_line
from qctl.view.table import Cell, Column
from qctl.view.values import NO_VALUE, count, elapsed_percentiles, local_time, share

if TYPE_CHECKING:
    from qctl.models import DeliveryDay, NameStats, Step


def job_name_columns() -> list[Column[NameStats]]:
    """Return the columns of statistics by job name."""
    return [
        Column("QUEUE", lambda j: Cell(escape_line(j.queue)), min_width=12),
        Column("JOB", lambda j: Cell(escape_line(j.name)), min_width=16, cut_start=True),
        Column("WAITING", lambda j: Cell(count(j.waiting), "" if j.waiting else "dim"), right=True),
        Column("FINISHED", lambda j: Cell(count(j.finished), "" if j.finished else "dim"), right=True, drop=1),
        Column("FAILED", lambda j: Cell(count(j.failed), "bad" if j.failed else "dim"), right=True, drop=2),
        Column("ERRORS", lambda j: Cell(share(j.error_rate), "bad" if j.error_rate else ""), right=True, drop=3),
        Column("RUN 50/95/99%", lambda j: Cell(elapsed_percentiles(j.runs)), right=True, drop=4),
    ]


def chat_columns() -> list[Column[DeliveryDay]]:
    """Return the columns of chat messages by day."""
    return [
        Column("DAY", lambda d: Cell(d.day)),
        Column("SENT", lambda d: Cell(count(d.sent)), right=True),
        Column("DELIVERED", lambda d: Cell(count(d.delivered), "" if d.delivered == d.sent else "warn"), right=True),
        Column("READ", lambda d: Cell(count(d.read), "" if d.read else "dim"), right=True),
    ]


def metrics_columns(now: datetime) -> list[Column[Step]]:
    """Return the columns of metrics over time."""
    return [
        Column("FROM", lambda s: Cell(local_time(s.at, now))),
        Column("DEPTH", lambda s: Cell(_optional_count(s.depth)), right=True),
        Column("IN", lambda s: Cell(_optional_count(s.arrived)), right=True, drop=3),
        Column("TAKEN", lambda s: Cell(count(s.taken), "" if s.taken else "dim"), right=True, drop=5),
        Column("FINISHED", lambda s: Cell(count(s.finished), "" if s.finished else "dim"), right=True),
        Column("FAILED", lambda s: Cell(count(s.failed), "bad" if s.failed else "dim"), right=True),
        Column("RETRIED", lambda s: Cell(count(s.retried), "" if s.retried else "dim"), right=True, drop=6),
        Column("DEAD", lambda s: Cell(count(s.dead), "bad" if s.dead else "dim"), right=True, drop=4),
        Column("ERRORS", lambda s: Cell(share(s.error_rate), "bad" if s.error_rate else ""), right=True, drop=7),
        Column("WAIT 50/95/99%", lambda s: Cell(elapsed_percentiles(s.waits)), right=True, drop=2),
        Column("RUN 50/95/99%", lambda s: Cell(elapsed_percentiles(s.runs)), right=True, drop=1),
    ]


def _optional_count(number: int | None) -> str:
    return NO_VALUE if number is None else count(number)
