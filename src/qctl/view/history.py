"""The table of what happened in a queue."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from qctl.view.table import Cell, Column
from qctl.view.values import count, elapsed, local_time

if TYPE_CHECKING:
    from qctl.models import HistoryStep
    from qctl.view.table import Style


def history_columns(now: datetime) -> list[Column[HistoryStep]]:
    """Columns of the table of hours or days."""
    return [
        Column("FROM", lambda s: Cell(local_time(s.at, now))),
        Column("ENQUEUED", lambda s: _count(s, "enqueued"), right=True, drop=2),
        Column("FINISHED", lambda s: _count(s, "finished"), right=True),
        Column("RETRIED", lambda s: _count(s, "retried", "warn"), right=True, drop=1),
        Column("DEAD", lambda s: _count(s, "dead", "bad"), right=True),
        Column("QUARANTINED", lambda s: _count(s, "quarantined", "bad"), right=True, drop=3),
        Column("MEAN RUN", lambda s: Cell(elapsed(s.mean_run)), right=True, drop=1),
    ]


def _count(step: HistoryStep, event: str, style: Style = "") -> Cell:
    number = step.counts.get(event, 0)
    return Cell(count(number), style if number else "dim")
