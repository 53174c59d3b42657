"""Tables of marks and notes."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from qctl.safe import escape_line
from qctl.view.table import Cell, Column
from qctl.view.values import age, local_time

if TYPE_CHECKING:
    from qctl.models import Mark, Note


def mark_columns(now: datetime) -> list[Column[Mark]]:
    """Return the columns of marks."""
    return [
        Column("MARK", lambda m: Cell(escape_line(m.text)), min_width=12),
        Column("AGE", lambda m: Cell(age(m.at, now)), right=True),
        Column("AT", lambda m: Cell(local_time(m.at, now))),
        Column("BY", lambda m: Cell(escape_line(m.by)), drop=1),
    ]


def note_columns(now: datetime) -> list[Column[Note]]:
    """Return the columns of notes."""
    return [
        Column("ON", lambda n: Cell(n.kind)),
        Column("NAME", lambda n: Cell(escape_line(n.name)), min_width=12),
        Column("ACK", lambda n: Cell("yes" if n.is_acknowledged else "", "good")),
        Column("AGE", lambda n: Cell(age(n.at, now)), right=True),
        Column("BY", lambda n: Cell(escape_line(n.by)), drop=1),
        Column("NOTE", lambda n: Cell(escape_line(n.text)), long=True),
    ]


def note_text(note: Note | None, now: datetime) -> str:
    """Format a note in a line: `acknowledged by ada 5m ago: known`; empty without one."""
    if note is None:
        return ""
    verb = "acknowledged by" if note.is_acknowledged else "note of"
    return escape_line(f"{verb} {note.by} {age(note.at, now)} ago{f': {note.text}' if note.text else ''}")
