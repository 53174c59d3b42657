"""What was cleared, until its time is over."""

from __future__ import annotations

import builtins

from qctl.broker.admin import trash
from qctl.broker.bookkeeping import events
from qctl.models import Progress, RestoreResult, TrashBatch, ignore_progress
from qctl.ops.base import Part


class TrashOps(Part, name="trash"):
    """List, put back, and delete for good."""

    def list(self) -> builtins.list[TrashBatch]:
        """What lies in the trash, newest first."""
        return trash.batches(self._redis)

    def restore(self, batch: str | None = None, progress: Progress | None = None) -> RestoreResult:
        """Put a batch, the newest where None, back to the head of its queue in the order it had.

        Interrupted, it is run again with the same batch. Raises NotFoundError.
        """
        return trash.restore(self._redis, batch, actor=events.actor(), progress=progress or ignore_progress)

    def empty(self, batch: str | None = None, progress: Progress | None = None) -> int:
        """Delete one batch for good, or all where None. Returns how many jobs. Raises NotFoundError."""
        return trash.empty(self._redis, batch, actor=events.actor(), progress=progress or ignore_progress)
