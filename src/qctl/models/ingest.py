"""The way of data into the queues: buffers, batches, topics, and what arrives."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from qctl.models.dead_letters import DeadLetterDetail
    from qctl.models.queues import Pause


@dataclass(frozen=True)
class PipelineStatus:
    """One pipeline at one moment.

    `rate` is items a second that were taken in, over about the last minute, None where nobody counted; `depth` is how
    many items are in the buffer and `oldest_age` how many seconds the oldest is there, None where there is none.
    `batches` wait or are being written; the last was cut at `flushed_at` with `flushed` items, `threshold` make one at
    once. `lag` is how many seconds the oldest item that was taken in and is not written yet has been on its way, 0 for
    none. `dead` letters of its queue wait for a person; `received`, `rejected`, `cut` count all that ever were.
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
    paused: Pause | None = None


@dataclass(frozen=True)
class TopicStatus:
    """What came by one topic; `topic` is None for all those that are not told apart.

    `rate` is messages a second, over about the last minute; `lag` is how many seconds lay between measurement and
    receipt of the last reading, None where no reading came yet.
    """

    topic: str | None
    pipeline: str
    rate: float
    received: int
    rejected: int
    seen_at: datetime | None
    lag: float | None


@dataclass(frozen=True)
class Topics:
    """The topics that match, as many of them as were asked for; `total` counts all that are told apart."""

    topics: list[TopicStatus]
    matching: int
    total: int


@dataclass(frozen=True)
class Arrival:
    """One item as it was taken in. `source` is its topic or its user; `content` is what it says."""

    pipeline: str
    received_at: datetime
    source: str
    at: datetime | None
    content: dict[str, Any]


@dataclass(frozen=True)
class Arrivals:
    """What came at once: some of the items, and how many there were."""

    items: list[Arrival]
    count: int


@dataclass(frozen=True)
class FlushResult:
    """What a flush made batches of: how many items, and how many stay in the buffer because the queue is full."""

    pipeline: str
    queue: str
    items: int
    left: int


@dataclass(frozen=True)
class RejectDetail:
    """A dead letter of a pipeline. `source` is the topic or user that it came from and `content` what it said, None
    where that cannot be told."""

    detail: DeadLetterDetail
    pipeline: str
    source: str | None
    content: str | None


@dataclass(frozen=True)
class StoredReading:
    """One measurement of a device, as it is stored. `ts_ns` is when it was measured, in nanoseconds since 1970;
    `received_at` is None where no calendar has the time."""

    topic: str
    device: str
    ts_ns: int
    received_at: datetime | None
    fields: dict[str, int | float | bool]
