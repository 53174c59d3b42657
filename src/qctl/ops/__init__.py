"""Everything an operator can see and do, for the command line and whatever else shows it.

Synchronous. Returns models, raises QctlError, prints nothing. The reading half writes nothing to Redis and works for
a user who may only read.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from qctl.broker.redis.connection import Connection, connect
from qctl.settings import Settings

if TYPE_CHECKING:
    from qctl.ops.alerts import AlertOps
    from qctl.ops.audit import AuditOps
    from qctl.ops.backup import BackupOps
    from qctl.ops.checks import CheckOps
    from qctl.ops.cleanup import CleanupOps
    from qctl.ops.dead_letters import DeadLetterOps
    from qctl.ops.doctor import DoctorOps
    from qctl.ops.events import EventOps
    from qctl.ops.health import HealthOps
    from qctl.ops.ingest import IngestOps
    from qctl.ops.jobs import JobOps
    from qctl.ops.metrics import MetricsOps
    from qctl.ops.queues import QueueOps
    from qctl.ops.readings import ReadingOps
    from qctl.ops.schedules import ScheduleOps
    from qctl.ops.stats import StatsOps
    from qctl.ops.transfer import TransferOps
    from qctl.ops.trash import TrashOps
    from qctl.ops.users import UserOps
    from qctl.ops.workers import WorkerOps

__all__ = ["Ops"]


class Ops:
    """The operations on the Redis of `settings`. Nothing is sent before the first of them is used.

    Each part is imported when it is first asked for: a command needs one of them, and all take as long as the rest.
    """

    def __init__(self, settings: Settings, connection: Connection | None = None) -> None:
        self._settings = settings
        self._connection = connection or connect(settings)

    @cached_property
    def stats(self) -> StatsOps:
        """Every queue at one moment."""
        from qctl.ops.stats import StatsOps

        return StatsOps(self._connection, self._settings)

    @cached_property
    def queues(self) -> QueueOps:
        """What is done to a queue by its name."""
        from qctl.ops.queues import QueueOps

        return QueueOps(self._connection, self._settings)

    @cached_property
    def dead_letters(self) -> DeadLetterOps:
        """Jobs that wait for a person."""
        from qctl.ops.dead_letters import DeadLetterOps

        return DeadLetterOps(self._connection, self._settings)

    @cached_property
    def jobs(self) -> JobOps:
        """Jobs of all queues and states."""
        from qctl.ops.jobs import JobOps

        return JobOps(self._connection, self._settings)

    @cached_property
    def transfer(self) -> TransferOps:
        """Jobs into files and back."""
        from qctl.ops.transfer import TransferOps

        return TransferOps(self._connection, self._settings)

    @cached_property
    def backup(self) -> BackupOps:
        """What Redis alone knows, as one file."""
        from qctl.ops.backup import BackupOps

        return BackupOps(self._connection, self._settings)

    @cached_property
    def trash(self) -> TrashOps:
        """What was removed, until its time is over."""
        from qctl.ops.trash import TrashOps

        return TrashOps(self._connection, self._settings)

    @cached_property
    def workers(self) -> WorkerOps:
        """The processes that take jobs."""
        from qctl.ops.workers import WorkerOps

        return WorkerOps(self._connection, self._settings)

    @cached_property
    def events(self) -> EventOps:
        """What happened."""
        from qctl.ops.events import EventOps

        return EventOps(self._connection, self._settings)

    @cached_property
    def audit(self) -> AuditOps:
        """Who changed what."""
        from qctl.ops.audit import AuditOps

        return AuditOps(self._connection, self._settings)

    @cached_property
    def health(self) -> HealthOps:
        """Whether work flows."""
        from qctl.ops.health import HealthOps

        return HealthOps(self._connection, self._settings)

    @cached_property
    def doctor(self) -> DoctorOps:
        """What it all stands on."""
        from qctl.ops.doctor import DoctorOps

        return DoctorOps(self._connection, self._settings)

    @cached_property
    def metrics(self) -> MetricsOps:
        """What was measured."""
        from qctl.ops.metrics import MetricsOps

        return MetricsOps(self._connection, self._settings)

    @cached_property
    def checks(self) -> CheckOps:
        """How queues stand against thresholds."""
        from qctl.ops.checks import CheckOps

        return CheckOps(self._connection, self._settings)

    @cached_property
    def alerts(self) -> AlertOps:
        """Rules by which people are told."""
        from qctl.ops.alerts import AlertOps

        return AlertOps(self._connection, self._settings)

    @cached_property
    def cleanup(self) -> CleanupOps:
        """Housekeeping."""
        from qctl.ops.cleanup import CleanupOps

        return CleanupOps(self._connection, self._settings)

    @cached_property
    def ingest(self) -> IngestOps:
        """The way of data into the queues."""
        from qctl.ops.ingest import IngestOps

        return IngestOps(self._connection, self._settings)

    @cached_property
    def readings(self) -> ReadingOps:
        """What devices sent, as it is stored."""
        from qctl.ops.readings import ReadingOps

        return ReadingOps(self._connection, self._settings)

    @cached_property
    def users(self) -> UserOps:
        """Users of the gateway."""
        from qctl.ops.users import UserOps

        return UserOps(self._connection, self._settings)

    @cached_property
    def schedules(self) -> ScheduleOps:
        """What comes at a time."""
        from qctl.ops.schedules import ScheduleOps

        return ScheduleOps(self._connection, self._settings)

    def close(self) -> None:
        """Close the connections to Redis."""
        self._connection.close()
