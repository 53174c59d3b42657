"""Tables of dead letters."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from qctl.safe import escape_line
from qctl.view.annotations import note_text
from qctl.view.table import Cell, Column
from qctl.view.values import NO_VALUE, age, count, rate

if TYPE_CHECKING:
    from qctl.models import Cause, DeadLetter


OTHER_CAUSES = "further causes"
"""Name of the sum of rejects whose causes are not counted one by one."""


def dead_letter_columns(now: datetime) -> list[Column[DeadLetter]]:
    """Return the columns of dead letters."""
    return [
        Column("ID", lambda d: Cell(escape_line(d.id)), min_width=36, whole=True),
        Column("QUEUE", lambda d: Cell(escape_line(d.queue)), min_width=8),
        Column("AGE", lambda d: Cell(age(d.died_at, now)), right=True),
        Column("KIND", lambda d: Cell(d.kind, "warn" if d.kind == "quarantined" else ""), drop=2),
        Column("RUNS", lambda d: Cell(NO_VALUE if d.attempts is None else count(d.attempts)), right=True, drop=3),
        Column("FUNCTION", lambda d: Cell(escape_line(d.function)), min_width=12, cut_start=True, drop=1),
        Column("ERROR", lambda d: Cell(escape_line(d.error), "bad"), long=True),
    ]


def cause_columns(now: datetime) -> list[Column[Cause]]:
    """Return the columns of causes of death."""
    return [
        Column("CAUSE", lambda c: Cell(c.fingerprint)),
        Column("COUNT", lambda c: Cell(count(c.count), "bad"), right=True),
        Column("ONLY COUNTED", lambda c: Cell(count(c.counted) if c.counted else "", "bad"), right=True, drop=5),
        Column("NEW/MIN", lambda c: _new(c), right=True, drop=3),
        Column("LAST", lambda c: Cell(age(c.last_seen, now)), right=True),
        Column("FIRST", lambda c: Cell(age(c.first_seen, now)), right=True, drop=2),
        Column("QUEUES", lambda c: Cell(escape_line(", ".join(c.queues))), min_width=8, drop=4),
        Column("FUNCTION", lambda c: Cell(escape_line(c.function)), min_width=12, cut_start=True, drop=1),
        Column("SINCE", lambda c: Cell(escape_line(c.since_mark)), min_width=6, drop=5),
        Column("NOTE", lambda c: Cell(note_text(c.note, now)), min_width=12, drop=6),
        Column("ERROR", lambda c: Cell(escape_line(_error(c)), "bad"), long=True),
    ]


def _new(cause: Cause) -> Cell:
    """Format how many dead letters of a cause come in a minute, over the last minutes."""
    from qctl.models.dead_letters import NEW_SECONDS  # imported already, with the cause

    return Cell(rate(60 * cause.new / NEW_SECONDS), "warn" if cause.new else "dim")


def _error(cause: Cause) -> str:
    message = f": {cause.message}" if cause.message else ""
    frame = f" in {cause.frame}" if cause.frame else ""
    source = f" (last from {cause.source})" if cause.source else ""
    return f"{cause.exception or OTHER_CAUSES}{message}{frame}{source}"


def cause_line(cause: Cause) -> Cell:
    """Format one cause as a line of a list."""
    return Cell(escape_line(f"  {cause.count:>7}  {cause.fingerprint}  {cause.function}: {_error(cause)}"), "bad")
