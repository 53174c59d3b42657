"""Queues: their numbers, their pauses, and what was done to them."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from qctl.histogram import Histogram


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
    """One queue at one moment, or with its `lanes` folded into it. Counts are jobs.

    Rates are jobs a second over the last minute, None if unknown: `in_rate` come, `taken_rate` are taken by workers,
    `out_rate` finish. What is `recent` was counted in the last five minutes at most. `memory` is bytes that the waiting
    jobs take, if all are like the first; None if unknown. `error` says why the queue could not be read;
    the counts are then zero.
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
    taken_rate: float | None = None
    recent_finished: int = 0
    """Runs that succeeded."""
    recent_failed: int = 0
    """Runs that failed, also where the job was tried again."""
    waits: Histogram = field(default_factory=Histogram)
    """How long jobs that ended recently had waited; where more than 400 queues are busy, of fewer minutes."""
    runs: Histogram = field(default_factory=Histogram)
    """How long those runs took."""
    memory: int | None = 0
    lanes: tuple[str, ...] = ()
    """The queues that are folded into this row, itself among them; empty where none is."""
    listeners: frozenset[str] = field(default=frozenset(), repr=False)
    """The living workers that take from it."""

    @property
    def error_rate(self) -> float | None:
        """The share of recent runs that failed, None where nothing ran."""
        runs = self.recent_finished + self.recent_failed
        return self.recent_failed / runs if runs else None

    @property
    def eta(self) -> float | None:
        """Seconds until nothing waits, if all goes on as in the last minute: infinite where the queue does not get
        shorter, None where that is not known."""
        if not self.waiting:
            return 0.0
        if self.in_rate is None or self.taken_rate is None:
            return None
        shrinks_by = self.taken_rate - self.in_rate
        return self.waiting / shrinks_by if shrinks_by > 0 and not self.paused else math.inf


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


@dataclass(frozen=True)
class DrainResult:
    """A queue that was drained: `pause` is what holds it now, None where it was only waited for. `seconds` it took."""

    queue: str
    pause: Pause | None
    seconds: float


@dataclass(frozen=True)
class DeleteResult:
    """What became of a queue that was deleted. `batch` is where its `removed` jobs are, None where it had none.

    `listed` is True where it is one of the catalog, which are always listed.
    """

    queue: str
    removed: int
    batch: str | None
    listed: bool
