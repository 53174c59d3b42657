"""Jobs: where they are, what they say of themselves, what became of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, get_args

from qctl.models.events import Event

State = Literal["queued", "started", "scheduled", "deferred", "finished", "failed", "canceled", "quarantined"]
"""Where a job is: RQ's own words, and qctl's quarantine. What failed or was quarantined is a dead letter."""

STATES: tuple[State, ...] = get_args(State)

DEAD_STATES: tuple[State, ...] = ("failed", "quarantined")

MOVABLE_STATES: tuple[State, ...] = ("queued", "scheduled", "deferred", "failed", "canceled", "quarantined")
"""States in which a job can be moved to another queue."""

STATE_ALIASES: dict[str, tuple[State, ...]] = {
    "waiting": ("queued",),
    "running": ("started",),
    "pending": ("queued", "scheduled", "deferred"),
    "completed": ("finished",),
    "dead": DEAD_STATES,
}
"""Words of the seed documents, and of the table of queues, for states."""


@dataclass(frozen=True)
class JobRow:
    """One job of a list. `since` is when it came into its state, `error` the last line of what went wrong."""

    id: str
    queue: str
    state: State
    function: str
    since: datetime | None
    error: str = ""
    owner: str = ""
    worker: str = ""


@dataclass(frozen=True)
class Jobs:
    """A page of jobs. `matching` counts those found; there are more only where the scan was not of all."""

    rows: list[JobRow]
    matching: int
    scanned: int
    total: int


@dataclass(frozen=True)
class Attempt:
    """One run of a job that ended. `outcome` is successful, failed, stopped, retried or max_retries_exceeded.

    `value` is what it returned, as JSON, None where that is something else.
    """

    outcome: str
    at: datetime | None
    worker: str = ""
    started_at: datetime | None = None
    ended_at: datetime | None = None
    error: str = ""
    traceback: str = ""
    value: str | None = None


@dataclass(frozen=True)
class Payload:
    """What a job is called with. `text` is indented JSON, None where it is pickled or too large; never unpickled."""

    text: str | None
    size: int


@dataclass(frozen=True)
class JobDetail:
    """All that is known of one job. `status` is what its hash says, `state` where it is, None where it is in no place.

    `position` counts from the head of the queue, 0 the next to run. `due` is when a scheduled job is due.
    `events_whole` is False where the stream of events begins after the job did, or was not read to its beginning.
    """

    id: str
    queue: str
    status: str
    state: State | None
    function: str
    description: str
    payload: Payload
    note: str = ""
    position: int | None = None
    created_at: datetime | None = None
    enqueued_at: datetime | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    due: datetime | None = None
    expires_in: float | None = None
    worker: str = ""
    timeout: str = ""
    retries_left: int | None = None
    retry_intervals: list[float] = field(default_factory=list)
    error: str = ""
    traceback: str = ""
    fingerprint: str | None = None
    trace: str | None = None
    owner: str | None = None
    meta: str | None = None
    dependencies: list[str] = field(default_factory=list)
    dependents: list[str] = field(default_factory=list)
    attempts: list[Attempt] = field(default_factory=list)
    timeline: list[Event] = field(default_factory=list)
    events_whole: bool = True
    moved_from: str | None = None
    trash: str | None = None
    edited: str | None = None
    original: Payload | None = None


@dataclass(frozen=True)
class EditablePayload:
    """A payload that may be edited: `text` is it as indented JSON, `{function, args, kwargs}`, `raw` as it is stored.

    `original` is what it was before the first edit, None where nobody edited it.
    """

    id: str
    queue: str
    status: str
    text: str
    raw: bytes
    original: str | None = None


@dataclass(frozen=True)
class PayloadEdit:
    """What an edit made of a payload, both as indented JSON. `changed` is False where they mean the same."""

    id: str
    queue: str
    before: str
    after: str
    changed: bool


@dataclass(frozen=True)
class WaitResult:
    """A job that ended well. `seconds` is how long it was waited for, `value` what it returned, as JSON."""

    id: str
    queue: str
    status: str
    seconds: float
    value: str | None = None


@dataclass(frozen=True)
class StoppedJob:
    """A job that was stopped while it ran. `status` is what it is now, `seconds` how long its worker took."""

    id: str
    queue: str
    worker: str
    status: str
    seconds: float


@dataclass(frozen=True)
class RejectedLine:
    """A line of a file that was not taken, and why. Lines count from 1."""

    line: int
    reason: str


@dataclass(frozen=True)
class ImportResult:
    """What an import took: how many jobs, and the first of the lines that it did not. `refused` counts those."""

    taken: int
    refused: int
    lines: list[RejectedLine] = field(default_factory=list)
    queues: list[str] = field(default_factory=list)
