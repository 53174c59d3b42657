"""The table of the trash."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from qctl.safe import escape_line
from qctl.view.table import Cell, Column
from qctl.view.values import age, count, duration

if TYPE_CHECKING:
    from qctl.models import TrashBatch


def trash_columns(now: datetime) -> list[Column[TrashBatch]]:
    """Columns of the table of trash batches."""
    return [
        Column("BATCH", lambda b: Cell(escape_line(b.id)), min_width=20),
        Column("QUEUE", lambda b: Cell(escape_line(b.queue)), min_width=8),
        Column("JOBS", lambda b: Cell(count(b.count)), right=True),
        Column("ACT", lambda b: Cell(escape_line(b.verb)), drop=3),
        Column("AGE", lambda b: Cell(age(b.at, now)), right=True),
        Column("GONE IN", lambda b: Cell(duration(max(0.0, (b.expires_at - now).total_seconds()))), right=True, drop=1),
        Column("BY", lambda b: Cell(escape_line(b.by)), min_width=8, drop=2),
    ]
