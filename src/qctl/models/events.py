"""Entries of the event stream, of the audit and of the history."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Literal


def moment_of(entry_id: str) -> datetime:
    """Return the time of a stream entry: the first half of its id is in milliseconds of Redis's clock."""
    ms = entry_id.partition("-")[0]
    try:
        return datetime.fromtimestamp(int(ms) / 1000, timezone.utc)
    except (ValueError, OverflowError, OSError):
        return datetime.fromtimestamp(0, timezone.utc)


@dataclass(frozen=True)
class Event:
    """One event. `id` is its id in the stream; `fields` has those of `queue job name trace owner worker actor reason ms
    count` that apply."""

    id: str
    event: str
    fields: dict[str, str]

    @property
    def at(self) -> datetime:
        """Time of the event."""
        return moment_of(self.id)


@dataclass(frozen=True)
class EventFilter:
    """Selects events that match all fields that are set. `queue` is a name, with its lanes, or a pattern; `events` are
    names of events."""

    queue: str | None = None
    events: tuple[str, ...] = ()
    job: str | None = None
    trace: str | None = None


@dataclass(frozen=True)
class AuditEntry:
    """A change made by a person. `command` is its name (`qctl clear`), `line` the full command line without secrets;
    `outcome` is the name of its exit code, `problem` the error, `seconds` the duration; `via` is cli, tui or gateway;
    `trace` is the trace id of the request or of the script, if there is one; `count` is the number of jobs that its
    steps changed. The outcome of a command that runs or was killed is `begun`."""

    at: datetime
    actor: str
    command: str
    line: str
    outcome: str
    problem: str = ""
    seconds: float | None = None
    via: str = "cli"
    trace: str = ""
    count: int | None = None


Span = Literal["hour", "day"]
"""Length of a step of the history. Days are in UTC."""


@dataclass(frozen=True)
class HistoryStep:
    """Events of one hour or day from `at` on: their number by name, and the mean duration (s) of finished runs, None
    without any."""

    at: datetime
    counts: dict[str, int]
    mean_run: float | None = None
