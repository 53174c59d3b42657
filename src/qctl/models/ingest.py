"""Data ingestion: pipelines, topics, arrivals and rejected messages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from qctl.models.dead_letters import DeadLetterDetail
    from qctl.models.queues import Pause


@dataclass(frozen=True)
class PipelineStatus:
    """Status of a pipeline.

    `rate` is the number of items received per second, over about the last minute, None if not measured. `depth` is the
    number of items in the buffer, `oldest_age` the age (s) of the oldest, None if it is empty. `batches` wait or run;
    the last was cut at `flushed_at` with `flushed` items, and `threshold` items make one immediately. `lag` is the age
    (s) of the oldest received item that is not stored yet, 0 without any. `dead` counts the dead letters of its queue;
    `received`, `rejected`, `counted` (rejects that were counted and not stored) and `cut` are totals of all time.
    """

    name: str
    queue: str
    rate: float | None
    depth: int
    oldest_age: float | None
    batches: int
    threshold: int
    flushed: int | None
    flushed_at: datetime | None
    lag: float
    dead: int
    received: int
    rejected: int
    cut: int
    sessions_lost: int = 0
    session_lost_at: datetime | None = None
    counted: int = 0
    paused: Pause | None = None
    broker_dropped: int = 0
    """Messages that the brokers said they dropped, for any client, while a bridge listened to their count."""
    broker_dropped_at: datetime | None = None

    @property
    def is_used(self) -> bool:
        """True if anything ever came in, waits or was rejected."""
        return bool(self.received or self.rejected or self.cut or self.depth or self.batches or self.dead)


SourceState = Literal["serving", "waiting", "contested", "stopped"]
"""`waiting`: the daemon runs and takes nothing, for a reason that it names; `contested`: another client ends its
session."""


@dataclass(frozen=True)
class SourceStatus:
    """The last heartbeat of a daemon: a source of a pipeline, or a scheduler (`pipeline` is empty then).

    `since` is when its state began, `age` the time (s) since the heartbeat. `rival_age` is the time (s) since two
    processes of this name were seen to run at once, None if never.
    """

    name: str
    daemon: str
    pipeline: str
    host: str
    pid: int | None
    state: SourceState
    reason: str
    since: datetime
    seen_at: datetime
    age: float
    rival_age: float | None = None
    silent: bool = False
    """True if its heartbeat is overdue: it hangs, died, or cannot reach Redis."""


@dataclass(frozen=True)
class TopicStatus:
    """Status of one topic; `topic` is None for the sum of topics that are not tracked on their own.

    `rate` is messages per second, over about the last minute; `lag` is the time (s) between measurement and receipt of
    the last reading, None before the first. `ignored` counts messages that were neither stored nor rejected, by reason;
    `left_out` values that were not stored, by name; `clocks` times of clocks that are not set, for which the time of
    receipt stands.
    """

    topic: str | None
    pipeline: str
    rate: float
    received: int
    rejected: int
    seen_at: datetime | None
    lag: float | None
    ignored: Mapping[str, int] = field(default_factory=dict)
    left_out: Mapping[str, int] = field(default_factory=dict)
    clocks: int = 0
    silence: float = 0.0
    """Time (s) since the last message."""
    usual_pause: float | None = None
    """Longest usual time (s) between two messages, None if too few came to tell."""


@dataclass(frozen=True)
class Topics:
    """A page of matching topics; `matching` counts them all, `total` counts all tracked topics."""

    topics: list[TopicStatus]
    matching: int
    total: int


@dataclass(frozen=True)
class Arrival:
    """One received item. `source` is its topic or its user."""

    pipeline: str
    received_at: datetime
    source: str
    at: datetime | None
    content: dict[str, Any]


@dataclass(frozen=True)
class Arrivals:
    """A sample of the items that arrived together, and their number."""

    items: list[Arrival]
    count: int


@dataclass(frozen=True)
class FlushResult:
    """Result of a flush: items cut into batches, and items that stay in the buffer because the queue is full."""

    pipeline: str
    queue: str
    items: int
    left: int


@dataclass(frozen=True)
class ReplayedItems:
    """Result of a replay: the number of items that were read from `source` and put into the buffer of the pipeline."""

    pipeline: str
    source: str
    items: int
    queue: str


@dataclass(frozen=True)
class RejectDetail:
    """A dead letter of a pipeline. `source` is its topic or user and `content` the message, None if unknown."""

    detail: DeadLetterDetail
    pipeline: str
    source: str | None
    content: str | None


@dataclass(frozen=True)
class StoredReading:
    """One stored measurement of a device. `ts_ns` is its time in nanoseconds since 1970; `received_at` is None if the
    stored time is out of range."""

    topic: str
    device: str
    ts_ns: int
    received_at: datetime | None
    fields: dict[str, int | float | bool | str]
    tags: dict[str, str] = field(default_factory=dict)
