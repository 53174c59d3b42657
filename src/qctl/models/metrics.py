"""What was measured over some time: by the step, by the job's name, and since counting began."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from qctl.histogram import Histogram

if TYPE_CHECKING:
    from qctl.models.ingest import PipelineStatus, TopicStatus
    from qctl.models.queues import Stats
    from qctl.models.workers import WorkerInfo


@dataclass(frozen=True)
class Step:
    """What some queues did together from `at` on, for as many seconds as the series says.

    `arrived` and `depth`, what waited when the step began, are None where nobody noted the depth.
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
        """The share of runs that failed, None where nothing ran."""
        return self.failed / (self.finished + self.failed) if self.finished or self.failed else None


@dataclass(frozen=True)
class Series:
    """Steps of equal length, oldest first; the last one goes on now."""

    queues: Sequence[str]
    step: float
    steps: Sequence[Step]


@dataclass(frozen=True)
class NameStats:
    """One job by its name, in one queue, over the last `Names.seconds`.

    `waiting` is an estimate from a sample of the queue, exact where all of it was looked at.
    """

    queue: str
    name: str
    waiting: int = 0
    finished: int = 0
    failed: int = 0
    runs: Histogram = field(default_factory=Histogram)

    @property
    def error_rate(self) -> float | None:
        """The share of runs that failed, None where nothing ran."""
        return self.failed / (self.finished + self.failed) if self.finished or self.failed else None


@dataclass(frozen=True)
class Names:
    """What queues are busy with. `sampled` of `waiting` jobs were looked at."""

    at: datetime
    seconds: float
    jobs: Sequence[NameStats]
    sampled: int
    waiting: int


@dataclass(frozen=True)
class Metrics:
    """What is exported. `ever` holds `finished`, `failed`, `dead` and `retried` by queue since counting began.

    `refused` counts jobs that an owner's limit refused. `memory` and `memory_limit` are Redis's in bytes, None for who
    may not ask. `topics` are the busiest ones by which data comes.
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
