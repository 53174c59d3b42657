"""The table of workers."""

from __future__ import annotations

from datetime import datetime

from qctl.models import WorkerInfo
from qctl.safe import inert_line
from qctl.view.table import Cell, Column
from qctl.view.values import NOTHING, age


def worker_columns(now: datetime) -> list[Column[WorkerInfo]]:
    """Columns of the table of workers."""
    return [
        Column("WORKER", lambda w: Cell(inert_line(w.name)), least=12),
        Column("STATE", lambda w: Cell(inert_line(w.state))),
        Column("QUEUES", lambda w: Cell(inert_line(", ".join(w.queues))), least=8),
        Column("JOB", lambda w: Cell(inert_line(w.current_job or NOTHING)), least=8, drop=1),
        Column("SEEN", lambda w: Cell(age(w.last_heartbeat, now)), right=True),
        Column("HOST", lambda w: Cell(inert_line(w.host or NOTHING)), least=8, drop=3),
        Column("PID", lambda w: Cell(NOTHING if w.pid is None else str(w.pid)), right=True, drop=4),
        Column("PAUSE", lambda w: Cell("obeys") if w.honours_pause else Cell("ignores", "warn"), drop=2),
    ]
