"""Holding, releasing and clearing queues."""

from __future__ import annotations

from qctl import catalog
from qctl.broker import events, pauses, snapshot, trash, workers
from qctl.errors import RefusedError, UsageError
from qctl.models import ClearResult, PauseResult, ResumeResult
from qctl.ops.part import Part, Progress, silent
from qctl.ops.selection import require


class QueueOps(Part):
    """What is done to a queue by its name."""

    def names(self) -> list[str]:
        """Every queue there is: used, paused, or of the catalog. Sorted."""
        return snapshot.names(self._redis)

    def require(self, name: str) -> None:
        """Raise NotFoundError, with names that look like it, where there is no such queue."""
        require(name, snapshot.names(self._redis))

    def waiting(self, name: str) -> int:
        """How many jobs wait. Raises NotFoundError."""
        self.require(name)
        return snapshot.waiting(self._redis, name)

    def pause(
        self,
        name: str,
        *,
        reason: str = "",
        seconds: float | None = None,
        force: bool = False,
        timeout: float = 20.0,
        allow_unknown: bool = False,
    ) -> PauseResult:
        """Hold a queue and its lanes, for `seconds` or until `resume`. Nothing of it starts after this has returned.

        Raises NotFoundError unless `allow_unknown`; RefusedError where a worker would go on all the same, unless
        `force`; WaitTimeoutError where a job claimed before has not started within `timeout` seconds.
        """
        if seconds is not None and seconds <= 0:
            raise UsageError("a pause lasts longer than 0 s")
        if not allow_unknown:
            self.require(name)
        names = catalog.lanes(name)
        deaf = [worker.name for worker in workers.listening(self._redis, names) if not worker.honours_pause]
        if deaf and not force:
            raise RefusedError(
                f"{name} is not paused: {', '.join(deaf)} would take jobs from it all the same",
                hint="run them with --queue-class qctl.broker.queue.PausableQueue, or pause with --force",
            )
        held = pauses.hold(self._redis, name, actor=events.actor(), reason=reason, seconds=seconds)
        waited = pauses.settle(self._redis, held, timeout)
        return PauseResult(held.pause, held.changed, snapshot.running(self._redis, names), waited, deaf)

    def resume(self, name: str) -> ResumeResult:
        """Let a queue go on. Raises NotFoundError."""
        self.require(name)
        return ResumeResult(name, pauses.release(self._redis, name, actor=events.actor()))

    def clear(self, name: str, *, purge: bool = False, progress: Progress | None = None) -> ClearResult:
        """Move what waits to the trash, or with `purge` delete it for good. What runs is not touched.

        May be interrupted between two steps and run again. Raises NotFoundError.
        """
        self.require(name)
        told = progress or silent
        if purge:
            return trash.purge(self._redis, name, actor=events.actor(), progress=told)
        return trash.clear(self._redis, name, actor=events.actor(), ttl=self._settings.trash_ttl, progress=told)
