"""Table of the trash."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from qctl.safe import escape_line
from qctl.view.table import Cell, Column
from qctl.view.values import age, count, duration

if TYPE_CHECKING:
    from qctl.models import TrashBatch


def trash_columns(now: datetime) -> list[Column[TrashBatch]]:
    """Return the columns of trash batches."""
    return [
        Column("BATCH", lambda b: Cell(escape_line(b.id)), min_width=20, whole=True),
        Column("QUEUE", lambda b: Cell(escape_line(b.queue)), min_width=8),
        Column("JOBS", lambda b: Cell(count(b.count)), right=True),
        Column("ACTION", lambda b: Cell(escape_line(b.verb + (" (unfinished)" if b.unfinished else ""))), drop=3),
        Column("AGE", lambda b: Cell(age(b.at, now)), right=True),
        Column("EXPIRES IN", lambda b: Cell(_remaining(b, now)), right=True, drop=1),
        Column("BY", lambda b: Cell(escape_line(b.by)), min_width=8, drop=2),
    ]


def _remaining(batch: TrashBatch, now: datetime) -> str:
    return duration(max(0.0, (batch.expires_at - now).total_seconds()))
