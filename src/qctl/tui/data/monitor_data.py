"""The reads that the monitor's pages make, as protocols of the parts of `Ops`.

`Ops` fulfils all of them but `daemons`. Three classes fulfil `MonitorData`: `CachedData` reads Redis, `record` also
writes each answer to a file, and `replay` answers from such a file. Actions are not part of it: they go to `Ops`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from qctl.errors import QctlError
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


class StatsReader(Protocol):
    """Reads the counts of all queues."""

    def read(self) -> Stats: ...


class HealthReader(Protocol):
    """Checks the health of the system."""

    def check(self) -> Health: ...


class EventReader(Protocol):
    """Reads and follows the event stream."""

    def list(self, *, limit: int) -> Sequence[Event]: ...

    def last_id(self) -> str: ...

    def follow(self, *, after: str, on_disconnect: Callable[[QctlError, float], None]) -> Iterator[Sequence[Event]]: ...


class DeadLetterReader(Protocol):
    """Reads dead letters and their causes."""

    def groups(self, queue: str | None) -> Causes: ...

    def list(self, selector: Selector, *, limit: int) -> DeadLetters: ...

    def show(self, job_id: str) -> DeadLetterDetail: ...


class JobReader(Protocol):
    """Reads jobs of all states."""

    def list(self, selector: Selector, *, offset: int, limit: int) -> Jobs: ...

    def show(self, job_id: str) -> JobDetail: ...


class FlowReader(Protocol):
    """Reads jobs that wait for each other."""

    def show(self, name: str) -> Flow: ...


class ExplainReader(Protocol):
    """Explains why a job or a queue does not run."""

    def job(self, job_id: str) -> Explanation: ...


class QueueReader(Protocol):
    """Reads one queue in full."""

    def show(self, name: str) -> QueueDetail: ...


class WorkerReader(Protocol):
    """Reads the workers of one queue or of all."""

    def list(self, queue: str | None) -> Sequence[WorkerInfo]: ...


class IngestReader(Protocol):
    """Reads the state of the ingest pipelines and their topics, and the heartbeats of sources and schedulers."""

    def status(self) -> Sequence[PipelineStatus]: ...

    def sources(self) -> Sequence[SourceStatus]: ...

    def topics(self, *, sort: str, limit: int) -> Topics: ...


class MetricsReader(Protocol):
    """Reads measured series; depths are by queue and by minute since 1970."""

    def series(self, queues: Sequence[str] = (), *, seconds: float, step: float) -> Series: ...

    def depths(self) -> Mapping[str, Mapping[int, int]]: ...


class ScheduleReader(Protocol):
    """Reads schedules and their next runs."""

    def list(self, *, queue: str | None, limit: int) -> Timers: ...

    def next(self, *, names: Sequence[str], count: int) -> Sequence[Coming]: ...


class AuditReader(Protocol):
    """Reads the last changes that people made, oldest first."""

    def list(self, *, limit: int) -> Sequence[AuditEntry]: ...


class PoolReader(Protocol):
    """Reads the pools of workers."""

    def list(self) -> Sequence[Pool]: ...


class DaemonReader(Protocol):
    """Reads the daemons of this machine."""

    def list(self) -> Sequence[Daemon]: ...


class MonitorData(Protocol):
    """All data that the monitor shows."""

    @property
    def stats(self) -> StatsReader: ...

    @property
    def health(self) -> HealthReader: ...

    @property
    def events(self) -> EventReader: ...

    @property
    def dead_letters(self) -> DeadLetterReader: ...

    @property
    def jobs(self) -> JobReader: ...

    @property
    def flows(self) -> FlowReader: ...

    @property
    def explain(self) -> ExplainReader: ...

    @property
    def queues(self) -> QueueReader: ...

    @property
    def workers(self) -> WorkerReader: ...

    @property
    def ingest(self) -> IngestReader: ...

    @property
    def metrics(self) -> MetricsReader: ...

    @property
    def schedules(self) -> ScheduleReader: ...

    @property
    def audit(self) -> AuditReader: ...

    @property
    def pools(self) -> PoolReader: ...

    @property
    def daemons(self) -> DaemonReader: ...
