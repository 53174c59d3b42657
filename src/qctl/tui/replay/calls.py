"""The calls of the monitor by the names that they have in a recording.

A name is the part, the verb and the arguments as JSON: `jobs.list[{...},{"limit":200,"offset":0}]`. Recordings last
longer than the Python names of these methods, so each name stands here in full and changes with `VERSION` alone.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from qctl.errors import NotFoundError
from qctl.models import (
    AuditEntry,
    Causes,
    Coming,
    Daemon,
    DeadLetterDetail,
    DeadLetters,
    Event,
    Explanation,
    Flow,
    Health,
    JobDetail,
    Jobs,
    PipelineStatus,
    Pool,
    QueueDetail,
    Selector,
    Series,
    SourceStatus,
    Stats,
    Timers,
    Topics,
    WorkerInfo,
)
from qctl.tui.data.monitor_data import (
    AuditReader,
    DaemonReader,
    DeadLetterReader,
    EventReader,
    ExplainReader,
    FlowReader,
    HealthReader,
    IngestReader,
    JobReader,
    MetricsReader,
    MonitorData,
    PoolReader,
    QueueReader,
    ScheduleReader,
    StatsReader,
    WorkerReader,
)
from qctl.tui.replay import codec

VERSION = 1
"""Version of the file format."""

FOLLOW = "events.follow"
"""Name of the lines that hold followed events; it has no arguments."""

T = TypeVar("T")


def name_of(verb: str, *positional: Any, **named: Any) -> str:
    """The name of a call: equal for equal arguments."""
    arguments = [*positional, *([dict(sorted(named.items()))] if named else [])]
    return verb + json.dumps(codec.encode(arguments), separators=(",", ":"))


class Answers(ABC):
    """Answers calls: from Redis while it records them, or from a recording."""

    @abstractmethod
    def answer(self, name: str, call: Callable[[MonitorData], T]) -> T:
        """Answer the call of this name; `call` makes it on the data of a Redis. Raises QctlError."""


class NamedCalls:
    """`MonitorData` whose calls go by their names through `answers`; `events` is a part of its own."""

    def __init__(self, answers: Answers, events: EventReader) -> None:
        self.events: EventReader = events
        self.stats: StatsReader = _Stats(answers)
        self.health: HealthReader = _Health(answers)
        self.dead_letters: DeadLetterReader = _DeadLetters(answers)
        self.jobs: JobReader = _Jobs(answers)
        self.flows: FlowReader = _Flows(answers)
        self.explain: ExplainReader = _Explain(answers)
        self.queues: QueueReader = _Queues(answers)
        self.workers: WorkerReader = _Workers(answers)
        self.ingest: IngestReader = _Ingest(answers)
        self.metrics: MetricsReader = _Metrics(answers)
        self.schedules: ScheduleReader = _Schedules(answers)
        self.audit: AuditReader = _Audit(answers)
        self.pools: PoolReader = _Pools(answers)
        self.daemons: DaemonReader = _Daemons(answers)


class _Part:
    def __init__(self, answers: Answers) -> None:
        self._answer = answers.answer


class _Stats(_Part, StatsReader):
    def read(self) -> Stats:
        return self._answer(name_of("stats.read"), lambda data: data.stats.read())


class _Health(_Part, HealthReader):
    def check(self) -> Health:
        return self._answer(name_of("health.check"), lambda data: data.health.check())


class _DeadLetters(_Part, DeadLetterReader):
    def groups(self, queue: str | None) -> Causes:
        return self._answer(name_of("dead_letters.groups", queue), lambda data: data.dead_letters.groups(queue))

    def list(self, selector: Selector, *, limit: int) -> DeadLetters:
        name = name_of("dead_letters.list", selector, limit=limit)
        return self._answer(name, lambda data: data.dead_letters.list(selector, limit=limit))

    def show(self, job_id: str) -> DeadLetterDetail:
        return self._answer(name_of("dead_letters.show", job_id), lambda data: data.dead_letters.show(job_id))


class _Jobs(_Part, JobReader):
    def list(self, selector: Selector, *, offset: int, limit: int) -> Jobs:
        name = name_of("jobs.list", selector, offset=offset, limit=limit)
        return self._answer(name, lambda data: data.jobs.list(selector, offset=offset, limit=limit))

    def show(self, job_id: str) -> JobDetail:
        return self._answer(name_of("jobs.show", job_id), lambda data: data.jobs.show(job_id))


class _Flows(_Part, FlowReader):
    def show(self, name: str) -> Flow:
        return self._answer(name_of("flows.show", name), lambda data: data.flows.show(name))


class _Explain(_Part, ExplainReader):
    def job(self, job_id: str) -> Explanation:
        return self._answer(name_of("explain.job", job_id), lambda data: data.explain.job(job_id))


class _Queues(_Part, QueueReader):
    def show(self, name: str) -> QueueDetail:
        return self._answer(name_of("queues.show", name), lambda data: data.queues.show(name))


class _Workers(_Part, WorkerReader):
    def list(self, queue: str | None) -> Sequence[WorkerInfo]:
        return self._answer(name_of("workers.list", queue), lambda data: data.workers.list(queue))


class _Ingest(_Part, IngestReader):
    def status(self) -> Sequence[PipelineStatus]:
        return self._answer(name_of("ingest.status"), lambda data: data.ingest.status())

    def sources(self) -> Sequence[SourceStatus]:
        return self._answer(name_of("ingest.sources"), lambda data: data.ingest.sources())

    def topics(self, *, sort: str, limit: int) -> Topics:
        name = name_of("ingest.topics", sort=sort, limit=limit)
        return self._answer(name, lambda data: data.ingest.topics(sort=sort, limit=limit))


class _Metrics(_Part, MetricsReader):
    def series(self, queues: Sequence[str] = (), *, seconds: float, step: float) -> Series:
        name = name_of("metrics.series", *queues, seconds=seconds, step=step)
        return self._answer(name, lambda data: data.metrics.series(queues, seconds=seconds, step=step))

    def depths(self) -> Mapping[str, Mapping[int, int]]:
        return self._answer(name_of("metrics.depths"), lambda data: data.metrics.depths())


class _Schedules(_Part, ScheduleReader):
    def list(self, *, queue: str | None, limit: int) -> Timers:
        name = name_of("schedules.list", queue=queue, limit=limit)
        return self._answer(name, lambda data: data.schedules.list(queue=queue, limit=limit))

    def next(self, *, names: Sequence[str], count: int) -> Sequence[Coming]:
        name = name_of("schedules.next", names=names, count=count)
        return self._answer(name, lambda data: data.schedules.next(names=names, count=count))


class _Audit(_Part, AuditReader):
    def list(self, *, limit: int) -> Sequence[AuditEntry]:
        return self._answer(name_of("audit.list", limit=limit), lambda data: data.audit.list(limit=limit))


class _Pools(_Part, PoolReader):
    def list(self) -> Sequence[Pool]:
        try:
            return self._answer(name_of("pools.list"), lambda data: data.pools.list())
        except NotFoundError:  # a recording of a version whose screens showed no pools
            return []


class _Daemons(_Part, DaemonReader):
    def list(self) -> Sequence[Daemon]:
        return self._answer(name_of("daemons.list"), lambda data: data.daemons.list())


def listed_events(answers: Answers, limit: int) -> Sequence[Event]:
    """Answer the call for the last events."""
    return answers.answer(name_of("events.list", limit=limit), lambda data: data.events.list(limit=limit))
