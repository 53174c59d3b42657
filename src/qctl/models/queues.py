"""Queues: their numbers, their pauses, and what was done to them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True)
class Pause:
    """A queue that is held. `until` is None where somebody has to resume it. `queue` is the paused queue itself."""

    queue: str
    by: str
    at: datetime
    reason: str
    until: datetime | None = None


@dataclass(frozen=True)
class QueueStats:
    """One queue at one moment. Counts are jobs; rates are jobs a second over the last minute, None if unknown.

    `error` says why the queue could not be read; the counts are then zero.
    """

    name: str
    waiting: int = 0
    running: int = 0
    scheduled: int = 0
    deferred: int = 0
    dead: int = 0
    finished: int = 0
    oldest_age: float | None = None
    in_rate: float | None = None
    out_rate: float | None = None
    paused: Pause | None = None
    workers: int = 0
    error: str | None = None


@dataclass(frozen=True)
class Totals:
    """The five totals of the seed documents. `failed` counts dead letters, `total` is the sum of the four."""

    pending: int
    running: int
    completed: int
    failed: int
    total: int

    @classmethod
    def of(cls, queues: Iterable[QueueStats]) -> Totals:
        """The totals of these queues. What waits for a time or for another job is pending too."""
        pending = running = completed = failed = 0
        for queue in queues:
            pending += queue.waiting + queue.scheduled + queue.deferred
            running += queue.running
            completed += queue.finished
            failed += queue.dead
        return cls(pending, running, completed, failed, pending + running + completed + failed)


@dataclass(frozen=True)
class Stats:
    """Every queue and the totals, read in one go."""

    at: datetime
    queues: list[QueueStats]
    totals: Totals


@dataclass(frozen=True)
class RunningJob:
    """A job that had started when a queue was paused."""

    id: str
    queue: str


@dataclass(frozen=True)
class PauseResult:
    """What `pause` did. `changed` is False where it was paused already; `running` had started before it held."""

    pause: Pause
    changed: bool
    running: list[RunningJob]
    waited: float
    deaf_workers: list[str] = field(default_factory=list)
    """Names of workers of this queue that do not honour a pause."""


@dataclass(frozen=True)
class ResumeResult:
    """What `resume` did. `changed` is False where the queue was not paused."""

    queue: str
    changed: bool


@dataclass(frozen=True)
class ClearResult:
    """What `clear` did. `batch` is None where nothing waited, or it was purged."""

    queue: str
    removed: int
    batch: str | None
    purged: bool = False
