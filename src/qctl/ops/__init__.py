"""The operations layer: everything an operator can see and do, for the command line, the monitor and the gateway.

Synchronous. Returns models, raises QctlError, prints nothing. Operations that read write nothing to Redis and work
for a read-only user of Redis.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from qctl.broker.redis.connection import Connection, connect, replica_address
from qctl.settings import Settings

if TYPE_CHECKING:
    from qctl.ops.alerts import AlertOps
    from qctl.ops.attempts import AttemptOps
    from qctl.ops.audit import AuditOps
    from qctl.ops.backup import BackupOps
    from qctl.ops.base import P
    from qctl.ops.chat import ChatOps
    from qctl.ops.checks import CheckOps
    from qctl.ops.cleanup import CleanupOps
    from qctl.ops.dead_letters import DeadLetterOps
    from qctl.ops.doctor import DoctorOps
    from qctl.ops.events import EventOps
    from qctl.ops.explain import ExplainOps
    from qctl.ops.flows import FlowOps
    from qctl.ops.health import HealthOps
    from qctl.ops.ingest import IngestOps
    from qctl.ops.jobs import JobOps
    from qctl.ops.limits import LimitOps
    from qctl.ops.marks import MarkOps
    from qctl.ops.memory import MemoryOps
    from qctl.ops.metrics import MetricsOps
    from qctl.ops.notes import NoteOps
    from qctl.ops.pools import PoolOps
    from qctl.ops.queues import QueueOps
    from qctl.ops.readings import ReadingOps
    from qctl.ops.schedules import ScheduleOps
    from qctl.ops.sessions import SessionOps
    from qctl.ops.stats import StatsOps
    from qctl.ops.transfer import TransferOps
    from qctl.ops.trash import TrashOps
    from qctl.ops.users import UserOps
    from qctl.ops.workers import WorkerOps

__all__ = ["Ops"]


class Ops:
    """All operations on the Redis of `settings`, in parts. Nothing is sent before the first operation.

    With `replica` those that read work on one of its replicas, and all others fail. Each part is imported on first use:
    a command needs one of them, and importing all doubles its start-up time.
    """

    def __init__(self, settings: Settings, connection: Connection | None = None, *, replica: bool = False) -> None:
        self._settings = settings
        self._is_replica = replica
        self._connection = connection or connect(settings, replica=replica)

    @property
    def replica(self) -> str | None:
        """HOST:PORT of the replica that is read, None for the primary. Raises RedisUnreachableError if none is up."""
        return replica_address(self._connection, self._settings) if self._is_replica else None

    def _part(self, kind: type[P]) -> P:
        """Make a part. A subclass that records, replays or fakes operations overrides this, see `base.redirect`."""
        return kind(self._connection, self._settings)

    @cached_property
    def stats(self) -> StatsOps:
        """Numbers of every queue at one moment."""
        from qctl.ops.stats import StatsOps

        return self._part(StatsOps)

    @cached_property
    def chat(self) -> ChatOps:
        """Chat messages in numbers."""
        from qctl.ops.chat import ChatOps

        return self._part(ChatOps)

    @cached_property
    def queues(self) -> QueueOps:
        """Pauses, drains, clears and deletes queues."""
        from qctl.ops.queues import QueueOps

        return self._part(QueueOps)

    @cached_property
    def limits(self) -> LimitOps:
        """Limits of rates and of concurrency."""
        from qctl.ops.limits import LimitOps

        return self._part(LimitOps)

    @cached_property
    def memory(self) -> MemoryOps:
        """Estimates the use of Redis's memory."""
        from qctl.ops.memory import MemoryOps

        return self._part(MemoryOps)

    @cached_property
    def marks(self) -> MarkOps:
        """Marks of deployments."""
        from qctl.ops.marks import MarkOps

        return self._part(MarkOps)

    @cached_property
    def notes(self) -> NoteOps:
        """Notes of operators, and acknowledgements."""
        from qctl.ops.notes import NoteOps

        return self._part(NoteOps)

    @cached_property
    def explain(self) -> ExplainOps:
        """Why jobs and queues are in their state."""
        from qctl.ops.explain import ExplainOps

        return self._part(ExplainOps)

    @cached_property
    def dead_letters(self) -> DeadLetterOps:
        """Dead letters: failed jobs that need a decision."""
        from qctl.ops.dead_letters import DeadLetterOps

        return self._part(DeadLetterOps)

    @cached_property
    def jobs(self) -> JobOps:
        """Finds, retries, cancels, deletes and moves jobs of all queues and states."""
        from qctl.ops.jobs import JobOps

        return self._part(JobOps)

    @cached_property
    def flows(self) -> FlowOps:
        """Jobs that wait for each other, and groups of jobs."""
        from qctl.ops.flows import FlowOps

        return self._part(FlowOps)

    @cached_property
    def transfer(self) -> TransferOps:
        """Exports jobs to files and imports them."""
        from qctl.ops.transfer import TransferOps

        return self._part(TransferOps)

    @cached_property
    def backup(self) -> BackupOps:
        """Backs up the state that only Redis holds, and restores it."""
        from qctl.ops.backup import BackupOps

        return self._part(BackupOps)

    @cached_property
    def trash(self) -> TrashOps:
        """Removed jobs, kept until they expire."""
        from qctl.ops.trash import TrashOps

        return self._part(TrashOps)

    @cached_property
    def pools(self) -> PoolOps:
        """Pools of workers, and their sizes."""
        from qctl.ops.pools import PoolOps

        return self._part(PoolOps)

    @cached_property
    def workers(self) -> WorkerOps:
        """Processes that run jobs."""
        from qctl.ops.workers import WorkerOps

        return self._part(WorkerOps)

    @cached_property
    def events(self) -> EventOps:
        """The event stream."""
        from qctl.ops.events import EventOps

        return self._part(EventOps)

    @cached_property
    def attempts(self) -> AttemptOps:
        """Limits attempts at secrets of the gateway."""
        from qctl.ops.attempts import AttemptOps

        return self._part(AttemptOps)

    @cached_property
    def sessions(self) -> SessionOps:
        """Starts, checks and ends sessions of the gateway's users."""
        from qctl.ops.sessions import SessionOps

        return self._part(SessionOps)

    @cached_property
    def audit(self) -> AuditOps:
        """The record of who changed what."""
        from qctl.ops.audit import AuditOps

        return self._part(AuditOps)

    @cached_property
    def health(self) -> HealthOps:
        """Checks whether jobs are flowing."""
        from qctl.ops.health import HealthOps

        return self._part(HealthOps)

    @cached_property
    def doctor(self) -> DoctorOps:
        """Checks everything that qctl depends on, and repairs what needs no decision."""
        from qctl.ops.doctor import DoctorOps

        return self._part(DoctorOps)

    @cached_property
    def metrics(self) -> MetricsOps:
        """Measured numbers over time, and all numbers for a monitoring system."""
        from qctl.ops.metrics import MetricsOps

        return self._part(MetricsOps)

    @cached_property
    def checks(self) -> CheckOps:
        """Compares queues with thresholds."""
        from qctl.ops.checks import CheckOps

        return self._part(CheckOps)

    @cached_property
    def alerts(self) -> AlertOps:
        """Alert rules."""
        from qctl.ops.alerts import AlertOps

        return self._part(AlertOps)

    @cached_property
    def cleanup(self) -> CleanupOps:
        """Deletes data that has outlived its retention time."""
        from qctl.ops.cleanup import CleanupOps

        return self._part(CleanupOps)

    @cached_property
    def ingest(self) -> IngestOps:
        """Data ingestion: buffers, batches and topics."""
        from qctl.ops.ingest import IngestOps

        return self._part(IngestOps)

    @cached_property
    def readings(self) -> ReadingOps:
        """Device readings as stored in the sink."""
        from qctl.ops.readings import ReadingOps

        return self._part(ReadingOps)

    @cached_property
    def users(self) -> UserOps:
        """Users of the gateway."""
        from qctl.ops.users import UserOps

        return self._part(UserOps)

    @cached_property
    def schedules(self) -> ScheduleOps:
        """Scheduled jobs."""
        from qctl.ops.schedules import ScheduleOps

        return self._part(ScheduleOps)

    def close(self) -> None:
        """Close the connections to Redis."""
        self._connection.close()
