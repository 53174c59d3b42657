"""Table of pools of workers."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from qctl.safe import escape_line
from qctl.view.table import Cell, Column
from qctl.view.values import NO_VALUE, age, duration

if TYPE_CHECKING:
    from qctl.models import Pool


def pool_columns(now: datetime) -> list[Column[Pool]]:
    """Return the columns of pools."""
    return [
        Column("POOL", lambda p: Cell(escape_line(p.name)), min_width=12, whole=True),
        Column("HOST", lambda p: Cell(escape_line(p.host)), min_width=8, drop=3),
        Column("RUNNING", _running, right=True),
        Column("SIZE", lambda p: Cell(p.bounds.text), right=True),
        Column("BY", lambda p: Cell(_author(p, now)), drop=4),
        Column("WANTS", lambda p: Cell(wants(p)), drop=1),
        Column("CHANGED", lambda p: Cell(age(p.changed_at, now)), right=True, drop=2),
        Column("ENDED", lambda p: Cell(str(p.ends), "warn" if p.ends else ""), right=True, drop=5),
        Column("PID", lambda p: Cell(str(p.pid)), right=True, drop=6),
        Column("BECAUSE", lambda p: Cell(escape_line(p.reason)), long=True),
    ]


def wants(pool: Pool) -> str:
    """Format the size that a pool would like, and when it follows a smaller one."""
    if pool.wanted is None:
        return NO_VALUE
    later = pool.wanted < pool.size and pool.shrinks_in is not None
    return f"{pool.wanted} in {duration(pool.shrinks_in)}" if later else str(pool.wanted)


def _running(pool: Pool) -> Cell:
    return Cell(str(pool.running)) if pool.running == pool.size else Cell(f"{pool.running} of {pool.size}", "warn")


def _author(pool: Pool, now: datetime) -> str:
    if pool.requested is None:
        return "start"
    return f"{escape_line(pool.requested_by)} {age(pool.requested_at, now)} ago"
