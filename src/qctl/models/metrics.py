"""Metrics: series of steps, jobs by name, and values for a monitoring system."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from qctl.histogram import Histogram

if TYPE_CHECKING:
    from qctl.models.annotations import Mark
    from qctl.models.ingest import PipelineStatus, TopicStatus
    from qctl.models.pools import Pool
    from qctl.models.queues import Stats
    from qctl.models.workers import WorkerInfo


@dataclass(frozen=True)
class Step:
    """Sums of several queues in the step that starts `at`.

    `depth` is the number of jobs that waited at its start; it and `arrived` are None without a recorded depth.
    """

    at: datetime
    arrived: int | None = None
    taken: int = 0
    finished: int = 0
    failed: int = 0
    dead: int = 0
    retried: int = 0
    depth: int | None = None
    waits: Histogram = field(default_factory=Histogram)
    runs: Histogram = field(default_factory=Histogram)

    @property
    def error_rate(self) -> float | None:
        """Share of runs that failed, None without runs."""
        return self.failed / (self.finished + self.failed) if self.finished or self.failed else None


@dataclass(frozen=True)
class Series:
    """Steps of equal length, oldest first; the last is still running."""

    queues: Sequence[str]
    step: float
    steps: Sequence[Step]
    marks: Sequence[Mark] = ()
    """Marks within the steps."""


@dataclass(frozen=True)
class NameStats:
    """One job name in one queue, over the last `Names.seconds`.

    `waiting` is an estimate from a sample of the queue, exact if the sample is the whole queue.
    """

    queue: str
    name: str
    waiting: int = 0
    finished: int = 0
    failed: int = 0
    runs: Histogram = field(default_factory=Histogram)

    @property
    def error_rate(self) -> float | None:
        """Share of runs that failed, None without runs."""
        return self.failed / (self.finished + self.failed) if self.finished or self.failed else None


@dataclass(frozen=True)
class Names:
    """Jobs of queues by name. `sampled` of `waiting` jobs were read."""

    at: datetime
    seconds: float
    jobs: Sequence[NameStats]
    sampled: int
    waiting: int


@dataclass(frozen=True)
class Metrics:
    """Values for a monitoring system. `ever` has the totals `finished`, `failed`, `dead` and `retried` by queue.

    `refused` counts jobs refused by an owner's limit. `memory` and `memory_limit` are those of Redis in bytes, None if
    the user may not read them. `topics` are the busiest ones.
    """

    stats: Stats
    ever: Mapping[str, Mapping[str, int]]
    workers: Sequence[WorkerInfo]
    refused: int
    rtt: float
    memory: int | None
    memory_limit: int | None
    pipelines: Sequence[PipelineStatus] = ()
    topics: Sequence[TopicStatus] = ()
    pools: Sequence[Pool] = ()
