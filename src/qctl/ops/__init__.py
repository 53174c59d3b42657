"""Everything an operator can see and do, for the command line and whatever else shows it.

Synchronous. Returns models, raises QctlError, prints nothing. The reading half writes nothing to Redis and works for
a user who may only read.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from qctl.broker.connection import Connection, connect
from qctl.ops.alerts import AlertOps
from qctl.ops.audit import AuditOps
from qctl.ops.checks import CheckOps
from qctl.ops.cleanup import CleanupOps
from qctl.ops.dead_letters import DeadLetterOps
from qctl.ops.events import EventOps
from qctl.ops.health import HealthOps
from qctl.ops.jobs import JobOps
from qctl.ops.metrics import MetricsOps
from qctl.ops.queues import QueueOps
from qctl.ops.stats import StatsOps
from qctl.ops.trash import TrashOps
from qctl.ops.workers import WorkerOps
from qctl.settings import Settings

if TYPE_CHECKING:
    from qctl.ops.schedules import ScheduleOps

__all__ = ["Ops"]


class Ops:
    """The operations on the Redis of `settings`. Nothing is sent before the first of them is used."""

    def __init__(self, settings: Settings, connection: Connection | None = None) -> None:
        self._settings = settings
        self._connection = connection or connect(settings)
        self.stats = StatsOps(self._connection, settings)
        self.queues = QueueOps(self._connection, settings)
        self.dead_letters = DeadLetterOps(self._connection, settings)
        self.jobs = JobOps(self._connection, settings)
        self.trash = TrashOps(self._connection, settings)
        self.workers = WorkerOps(self._connection, settings)
        self.events = EventOps(self._connection, settings)
        self.audit = AuditOps(self._connection, settings)
        self.health = HealthOps(self._connection, settings)
        self.metrics = MetricsOps(self._connection, settings)
        self.checks = CheckOps(self._connection, settings)
        self.alerts = AlertOps(self._connection, settings)
        self.cleanup = CleanupOps(self._connection, settings)

    @cached_property
    def schedules(self) -> ScheduleOps:
        """What comes at a time."""
        from qctl.ops.schedules import ScheduleOps  # brings rq-scheduler and croniter, which nothing else needs

        return ScheduleOps(self._connection, self._settings)

    def close(self) -> None:
        """Close the connections to Redis."""
        self._connection.close()
