"""Jobs: states, details, and results of operations on one job."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, get_args

from qctl.models.events import Event

State = Literal["queued", "started", "scheduled", "deferred", "finished", "failed", "canceled", "quarantined"]
"""State of a job: RQ's own words, and qctl's quarantine. A failed or quarantined job is a dead letter."""

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
"""Other words for states, as in the table of queues."""


@dataclass(frozen=True)
class JobRow:
    """One job of a list. `since` is the start of its state, `error` the last line of its traceback."""

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
    """A page of jobs. `matching` counts all found ones; there may be more if `scanned` is less than `total`."""

    rows: list[JobRow]
    matching: int
    scanned: int
    total: int


@dataclass(frozen=True)
class JobType:
    """A job that can be enqueued by its name. `arguments` are `name: type`, with `?` behind the name if it may be left
    out. `workers` is the number of running workers that listen to its queue."""

    name: str
    queue: str
    arguments: tuple[str, ...]
    doc: str
    workers: int


@dataclass(frozen=True)
class EnqueuedFunction:
    """A plain job that was enqueued. `pickled` tells how its payload is written; `workers` listen to its queue."""

    id: str
    queue: str
    pickled: bool
    workers: int


@dataclass(frozen=True)
class Attempt:
    """One run of a job. `outcome` is successful, failed, stopped, retried (it asked for another run),
    max_retries_exceeded, running, or interrupted: its worker died, or gave it back.

    `value` is its return value as JSON, None if it is not JSON. `run` names the run among those of the job, and
    `logged` is the number of lines that it logged.
    """

    outcome: str
    at: datetime | None
    worker: str = ""
    started_at: datetime | None = None
    ended_at: datetime | None = None
    error: str = ""
    traceback: str = ""
    value: str | None = None
    run: str = ""
    logged: int = 0


@dataclass(frozen=True)
class LogLine:
    """A line that a job logged, or printed: `level` is debug to critical, stdout or stderr."""

    at: datetime
    level: str
    text: str


@dataclass(frozen=True)
class RunLog:
    """The lines that are kept of one run of a job. `number` counts the attempts of `job show`, from 1.

    `total` is the number of lines that it logged; `lines` are the last of them.
    """

    number: int
    outcome: str
    worker: str
    started_at: datetime | None
    total: int
    lines: list[LogLine] = field(default_factory=list)


@dataclass(frozen=True)
class JobLogs:
    """The logs of the runs of a job, the oldest first. `status` is from its hash, empty if the job is gone."""

    id: str
    queue: str
    status: str
    runs: list[RunLog] = field(default_factory=list)


@dataclass(frozen=True)
class Payload:
    """Arguments of a job. `text` is indented JSON, None if pickled or too large; it is never unpickled."""

    text: str | None
    size: int


@dataclass(frozen=True)
class JobDetail:
    """All data of one job. `status` is from its hash, `state` from the list or registry that contains it, None if none
    does.

    `position` counts from the head of the queue; 0 is the next to run. `due` is the time of a scheduled job.
    `events_whole` is False if the event stream starts after the job, or was not read back to its start.
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
    relatives: dict[str, str] = field(default_factory=dict)
    """State of each dependency and each dependent."""
    attempts: list[Attempt] = field(default_factory=list)
    timeline: list[Event] = field(default_factory=list)
    events_whole: bool = True
    moved_from: str | None = None
    replayed_from: str | None = None
    """Id of the job that this one is a copy of."""
    replayed_to: str | None = None
    """Id of its last copy."""
    trash: str | None = None
    edited: str | None = None
    original: Payload | None = None


@dataclass(frozen=True)
class StrandedJob:
    """A deferred job that nothing will enqueue. `reasons` has the state of each dependency that ended, by its id."""

    id: str
    queue: str
    reasons: dict[str, str]
    allows_failure: bool = False


@dataclass(frozen=True)
class EditablePayload:
    """A payload that can be edited: `text` is indented JSON, `{function, args, kwargs}`, `raw` the stored bytes.

    `original` is the payload before the first edit, None if it was never edited.
    """

    id: str
    queue: str
    status: str
    text: str
    raw: bytes
    original: str | None = None


@dataclass(frozen=True)
class PayloadEdit:
    """Result of an edit: the payload before and after, as indented JSON. `changed` is False if both are equivalent."""

    id: str
    queue: str
    before: str
    after: str
    changed: bool


@dataclass(frozen=True)
class WaitResult:
    """A job that finished. `seconds` is the time waited, `value` its return value as JSON."""

    id: str
    queue: str
    status: str
    seconds: float
    value: str | None = None


@dataclass(frozen=True)
class StoppedJob:
    """A job that was stopped. `status` is its current status, `seconds` the time that its worker took.

    `was_abandoned` is True if its worker was gone.
    """

    id: str
    queue: str
    worker: str
    status: str
    seconds: float
    was_abandoned: bool = False


OwnedStatus = Literal["pending", "running", "completed", "failed", "dlq"]
"""Statuses of the gateway's interface. `failed` ended without becoming a dead letter (`dlq`): canceled or stopped."""

OWNED_STATUSES: tuple[OwnedStatus, ...] = get_args(OwnedStatus)


@dataclass(frozen=True)
class OwnedJob:
    """One job of an owner. `retries` is the number of its retries, `modified` the time of its last change; times are
    None if unknown."""

    id: str
    name: str
    owner: str
    status: OwnedStatus
    retries: int
    created: datetime | None
    modified: datetime | None
