"""Remarks of people: marks of deployments, and notes on what an operator looks at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

NoteKind = Literal["cause", "pause", "schedule", "letter"]
"""Subjects of notes: a cause by its fingerprint, the pause of a queue, a schedule by its name, a dead letter by its
id."""


@dataclass(frozen=True)
class Mark:
    """A moment that plots and causes show, such as a deployment: its text, and who set it."""

    text: str
    at: datetime
    by: str


@dataclass(frozen=True)
class Note:
    """A remark of `by`. `text` may be empty if it is an acknowledgement, and then `letters` is the number of dead
    letters that its cause had."""

    kind: NoteKind
    name: str
    text: str
    by: str
    at: datetime
    is_acknowledged: bool = False
    letters: int = 0


def last_mark(marks: Sequence[Mark], before: datetime | None) -> Mark | None:
    """Return the last mark before a moment. `marks` are in the order of time."""
    if before is None:
        return None
    return next((mark for mark in reversed(marks) if mark.at <= before), None)


def marks_between(marks: Sequence[Mark], first: datetime, seconds: float) -> tuple[Mark, ...]:
    """Return the marks within so many seconds from `first` on."""
    last = first + timedelta(seconds=seconds)
    return tuple(mark for mark in marks if first <= mark.at < last)
