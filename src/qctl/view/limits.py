"""Tables of limits."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from qctl.safe import escape_line
from qctl.view.table import Cell, Column
from qctl.view.values import NO_VALUE, count, local_time

if TYPE_CHECKING:
    from qctl.models import Limit, Limits, RqLimit
    from qctl.view.table import Style


@dataclass(frozen=True)
class LimitRow:
    """A row of the table: a limit of qctl's, or one of RQ's."""

    kind: str
    name: str
    limit: Limit | None
    rq: RqLimit | None


def limit_rows(limits: Limits) -> list[LimitRow]:
    """Return qctl's limits, then RQ's."""
    own = [LimitRow(limit.scope, limit.name, limit, None) for limit in limits.rows]
    return own + [LimitRow("rq key", limit.key, None, limit) for limit in limits.rq]


def limit_columns(now: datetime) -> list[Column[LimitRow]]:
    """Return the columns of limits."""
    return [
        Column("OF", lambda r: Cell(r.kind)),
        Column("NAME", lambda r: Cell(escape_line(r.name)), min_width=12),
        Column("LIMIT", _limit, min_width=10),
        Column("STARTED", lambda r: Cell(_started(r)), right=True, drop=2),
        Column("RUNNING", lambda r: Cell(count(_running(r))), right=True),
        Column("WAITING", lambda r: Cell(count(r.rq.waiting) if r.rq else NO_VALUE), right=True, drop=1),
        Column("UNTIL", lambda r: Cell(_until(r, now)), drop=3),
        Column("BY", lambda r: Cell(escape_line(r.limit.by) if r.limit else NO_VALUE), drop=4),
        Column("REASON", lambda r: Cell(escape_line(r.limit.reason) if r.limit else ""), long=True),
    ]


def _limit(row: LimitRow) -> Cell:
    if row.rq:
        return Cell(f"{row.rq.concurrency} at a time")
    style: Style = "warn" if row.limit and row.limit.is_reached else ""
    return Cell(row.limit.text if row.limit else NO_VALUE, style)


def _started(row: LimitRow) -> str:
    return count(row.limit.started) if row.limit and row.limit.rate is not None else NO_VALUE


def _running(row: LimitRow) -> int:
    return row.limit.running if row.limit else row.rq.running if row.rq else 0


def _until(row: LimitRow, now: datetime) -> str:
    return local_time(row.limit.until, now) if row.limit and row.limit.until else NO_VALUE
