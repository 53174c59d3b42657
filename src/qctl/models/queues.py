"""Queues: statistics, pauses, and results of operations."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING

from qctl.histogram import Histogram

if TYPE_CHECKING:
    from qctl.models.dead_letters import Cause
    from qctl.models.jobs import State
    from qctl.models.workers import WorkerInfo


@dataclass(frozen=True)
class Pause:
    """A pause of `queue`. `until` is None if it lasts until the queue is resumed."""

    queue: str
    by: str
    at: datetime
    reason: str
    until: datetime | None = None


@dataclass(frozen=True)
class UnrealJobs:
    """Entries of a queue that count as no job: `abandoned` jobs, whose worker is gone, and by state the `ghosts`, whose
    data is gone."""

    abandoned: int = 0
    ghosts: Mapping[State, int] = field(default_factory=dict)

    def adding(self, state: State, ghosts: int, abandoned: int) -> UnrealJobs:
        """Return the counts with those of another state."""
        more = {**self.ghosts, state: ghosts} if ghosts else self.ghosts
        return UnrealJobs(self.abandoned + abandoned, more)

    def of(self, *states: State) -> int:
        """Count the entries of these states."""
        return sum(self.ghosts.get(state, 0) for state in states) + (self.abandoned if "started" in states else 0)

    def merged(self, other: UnrealJobs) -> UnrealJobs:
        """Return the sum of both."""
        states = {*self.ghosts, *other.ghosts}
        summed = {state: self.ghosts.get(state, 0) + other.ghosts.get(state, 0) for state in states}
        return UnrealJobs(self.abandoned + other.abandoned, summed)


@dataclass(frozen=True)
class QueueStats:
    """Statistics of one queue, or of a queue with its merged `lanes`. Counts are numbers of jobs.

    Rates are jobs per second over the last minute, None if unknown: `in_rate` arrive, `taken_rate` are claimed by
    workers, `out_rate` finish, `dead_rate` become dead letters. `recent_...` counts cover the last five minutes at
    most. `memory` is the size (bytes) of the waiting jobs, extrapolated from the first; None if unknown. `error` is the
    reason if the queue is unreadable; its counts are then zero.
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
    dead_rate: float | None = None
    recent_finished: int = 0
    """Runs that succeeded."""
    recent_failed: int = 0
    """Runs that failed, including those that were retried."""
    waits: Histogram = field(default_factory=Histogram)
    """Waiting times of recently ended jobs; of fewer minutes if more than 400 queues are busy."""
    runs: Histogram = field(default_factory=Histogram)
    """Durations of their runs."""
    memory: int | None = 0
    limit: str = ""
    """Limit of its rate and concurrency in words, empty if it has none."""
    lanes: tuple[str, ...] = ()
    """Queues merged into this row, including itself; empty without merging."""
    listeners: frozenset[str] = field(default=frozenset(), repr=False)
    """Names of running workers that listen to it."""
    unused: bool = False
    """True for a queue of qctl's catalog that this site does not use: no job, no pause, no worker, ever."""
    unreal: UnrealJobs = field(default_factory=UnrealJobs)
    """Entries that the counts leave out."""

    @property
    def abandoned(self) -> int:
        """Started jobs whose worker is gone."""
        return self.unreal.abandoned

    @property
    def ghosts(self) -> int:
        """Entries of jobs whose data is gone."""
        return sum(self.unreal.ghosts.values())

    @property
    def error_rate(self) -> float | None:
        """Share of recent runs that failed, None without runs."""
        runs = self.recent_finished + self.recent_failed
        return self.recent_failed / runs if runs else None

    @property
    def eta(self) -> float | None:
        """Seconds until no job waits, if rates stay as in the last minute: infinite if the queue does not shrink, None
        if unknown."""
        if not self.waiting:
            return 0.0
        if self.in_rate is None or self.taken_rate is None:
            return None
        shrinks_by = self.taken_rate - self.in_rate
        return self.waiting / shrinks_by if shrinks_by > 0 and not self.paused else math.inf


@dataclass(frozen=True)
class Totals:
    """Totals of all queues. `failed` counts dead letters, `total` is the sum of the other four."""

    pending: int
    running: int
    completed: int
    failed: int
    total: int

    @classmethod
    def of(cls, queues: Iterable[QueueStats]) -> Totals:
        """Sum up these queues. Scheduled and deferred jobs count as pending."""
        pending = running = completed = failed = 0
        for queue in queues:
            pending += queue.waiting + queue.scheduled + queue.deferred
            running += queue.running
            completed += queue.finished
            failed += queue.dead
        return cls(pending, running, completed, failed, pending + running + completed + failed)


@dataclass(frozen=True)
class Stats:
    """A snapshot of every queue, with totals."""

    at: datetime
    queues: list[QueueStats]
    totals: Totals
    hidden: str = ""
    """Explanation if this user may read RQ's keys alone; empty if not."""

    @property
    def in_use(self) -> Stats:
        """The same without queues of qctl's catalog that this site does not use."""
        return replace(self, queues=[queue for queue in self.queues if not queue.unused])


@dataclass(frozen=True)
class RunningJob:
    """A job that was running when its queue was paused."""

    id: str
    queue: str


@dataclass(frozen=True)
class PauseResult:
    """Result of `pause`. `changed` is False if the queue was already paused; `running` jobs started before the
    pause."""

    pause: Pause
    changed: bool
    running: list[RunningJob]
    waited: float
    deaf_workers: list[str] = field(default_factory=list)
    """Names of listening workers that ignore pauses."""
    listening: int = 0
    """Number of listening workers, these included."""


@dataclass(frozen=True)
class ResumeResult:
    """Result of `resume`. `changed` is False if the queue was not paused."""

    queue: str
    changed: bool


@dataclass(frozen=True)
class ClearResult:
    """Result of `clear`. `batch` is None if no job waited, or the jobs were purged."""

    queue: str
    removed: int
    batch: str | None
    purged: bool = False
    dependents: int = 0
    """Number of jobs that waited for these."""
    dependents_changed: int = 0


@dataclass(frozen=True)
class DrainResult:
    """Result of `drain`. `pause` is the pause of the queue, None if it was not paused; `seconds` is the duration."""

    queue: str
    pause: Pause | None
    seconds: float


@dataclass(frozen=True)
class DeleteResult:
    """Result of `delete`. `batch` is the trash batch of the `removed` jobs, None without any.

    `listed` is True for a queue of the catalog, which stays listed.
    """

    queue: str
    removed: int
    batch: str | None
    listed: bool


@dataclass(frozen=True)
class QueueDetail:
    """One queue with its lanes, the workers that listen to them, the waiting jobs by name, estimated from a sample, and
    the most frequent causes of its dead letters."""

    name: str
    lanes: list[QueueStats]
    workers: list[WorkerInfo]
    names: dict[str, int]
    causes: list[Cause]
