"""Tables of jobs."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from qctl.safe import escape_line
from qctl.view.table import Cell, Column
from qctl.view.values import NO_VALUE, age

if TYPE_CHECKING:
    from qctl.models import JobRow, JobType, State
    from qctl.view.table import Style

_STYLES: dict[State, Style] = {
    "started": "good",
    "finished": "dim",
    "canceled": "dim",
    "failed": "bad",
    "quarantined": "warn",
}


def job_columns(now: datetime) -> list[Column[JobRow]]:
    """Return the columns of jobs."""
    return [
        Column("ID", lambda j: Cell(escape_line(j.id)), min_width=36, whole=True),
        Column("QUEUE", lambda j: Cell(escape_line(j.queue)), min_width=8),
        Column("STATE", lambda j: Cell(j.state, _STYLES.get(j.state, ""))),
        Column("SINCE", lambda j: Cell(age(j.since, now)), right=True),
        Column("FUNCTION", lambda j: Cell(escape_line(j.function)), min_width=12, cut_start=True, drop=1),
        Column("OWNER", lambda j: Cell(escape_line(j.owner or NO_VALUE)), min_width=6, drop=2),
        Column("ERROR", lambda j: Cell(escape_line(j.error), "bad"), long=True),
    ]


def job_type_columns() -> list[Column[JobType]]:
    """Return the columns of jobs that can be enqueued."""
    return [
        Column("NAME", lambda j: Cell(escape_line(j.name)), min_width=12),
        Column("QUEUE", lambda j: Cell(escape_line(j.queue)), min_width=8),
        Column("WORKERS", lambda j: Cell(str(j.workers), "" if j.workers else "warn"), right=True),
        Column("ARGUMENTS", lambda j: Cell(escape_line(" ".join(j.arguments) or NO_VALUE)), min_width=20),
        Column("PURPOSE", lambda j: Cell(escape_line(j.doc)), long=True),
    ]
