"""The trash: removed jobs, kept until they expire."""

from __future__ import annotations

import builtins

from qctl.broker.admin import trash
from qctl.broker.bookkeeping import events
from qctl.models import Progress, RestoreResult, TrashBatch, TrashChoice, ignore_progress
from qctl.ops.base import Part


class TrashOps(Part, name="trash"):
    """Batches of removed jobs."""

    def list(self) -> builtins.list[TrashBatch]:
        """List the batches, newest first."""
        return trash.batches(self._redis)

    def choose(self, batch: str | None = None) -> TrashChoice:
        """Choose what to restore: the batches of an action, by default of the caller's last. Writes nothing.

        Raises NotFoundError.
        """
        return trash.choose(self._redis, batch, actor=events.actor())

    def restore(self, batch: str | TrashChoice | None = None, *, progress: Progress = ignore_progress) -> RestoreResult:
        """Return the jobs of a batch, or of what `choose` chose, to the head of their queue in their old order.

        After an interruption, repeat it with the same batch. Raises NotFoundError.
        """
        return trash.restore(self._redis, batch, actor=events.actor(), progress=progress)

    def empty(self, batch: str | None = None, progress: Progress = ignore_progress) -> int:
        """Delete a batch permanently, or all if None. Returns the number of jobs. Raises NotFoundError."""
        return trash.empty(self._redis, batch, actor=events.actor(), progress=progress)
