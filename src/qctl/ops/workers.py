"""The workers that live."""

from __future__ import annotations

from qctl.broker import workers
from qctl.models import WorkerInfo
from qctl.ops.part import Part


class WorkerOps(Part):
    """What `qctl worker list` shows."""

    def list(self) -> list[WorkerInfo]:
        """Every worker whose heartbeat goes on, by name."""
        return workers.living(self._redis)
