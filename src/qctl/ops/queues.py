"""Holding, releasing and clearing queues."""

from __future__ import annotations

import time
from collections import Counter
from datetime import timedelta
from shlex import quote

from qctl import catalog
from qctl.broker.admin import bulk, delete_queue, select_jobs, trash
from qctl.broker.admin.move_jobs import Discard
from qctl.broker.bookkeeping import events
from qctl.broker.query import dead_letter_causes, job_name_sample, stats_snapshot, workers
from qctl.broker.redis import clock
from qctl.broker.worker import pauses
from qctl.errors import RefusedError, UsageError, WaitTimeoutError
from qctl.history import open_store
from qctl.models import (
    ClearResult,
    DeleteResult,
    DrainResult,
    HistoryStep,
    PauseResult,
    Progress,
    QueueDetail,
    ResumeResult,
    Selector,
    Span,
    ignore_progress,
)
from qctl.ops.base import Part
from qctl.ops.selection import require

SCAN = 2000
"""Dead letters that no qctl worker buried of which a cause is learnt by reading them."""

CAUSES = 5
"""Causes that are shown of one queue."""

LOOK = 0.1
"""Seconds between looks at a queue that is drained."""

SHOWN = 5
"""Running jobs that are named where they do not end in time."""


class QueueOps(Part, name="queues"):
    """What is done to a queue by its name."""

    def names(self) -> list[str]:
        """Every queue there is: used, paused, or of the catalog. Sorted."""
        return stats_snapshot.queue_names(self._redis)

    def require(self, name: str) -> None:
        """Raise NotFoundError, with names that look like it, where there is no such queue."""
        require(name, stats_snapshot.queue_names(self._redis))

    def waiting(self, name: str) -> int:
        """How many jobs wait. Raises NotFoundError."""
        self.require(name)
        return stats_snapshot.count_waiting(self._redis, name)

    def show(self, name: str) -> QueueDetail:
        """A queue with its lanes, workers, what waits in it, and why its jobs died. Raises NotFoundError."""
        self.require(name)
        lanes = [queue for queue in stats_snapshot.stats(self._redis).queues if queue.name in catalog.lanes(name)]
        waiting: Counter[str] = Counter()
        for lane in lanes:
            waiting.update(job_name_sample.sample_waiting(self._redis, lane.name).names)
        own = [lane.name for lane in lanes]
        found = dead_letter_causes.groups(self._redis, own, SCAN).causes[:CAUSES]
        return QueueDetail(name, lanes, workers.listening(self._redis, own), dict(waiting.most_common()), found)

    def history(self, name: str, *, seconds: float, span: Span) -> list[HistoryStep]:
        """What happened in a queue and its lanes in the last `seconds`, by the hour or day, as the history keeps it.

        Raises UnreachableError where its database does not answer, NotFoundError for a queue that nobody knows.
        """
        until = clock.to_datetime(clock.now_ms(self._redis))
        store = open_store(self._settings, read_only=True)
        try:
            found = store.steps(span, until - timedelta(seconds=seconds), until, catalog.lanes(name))
        finally:
            store.close()
        if not found:
            self.require(name)  # one that Redis forgot may have a history; one that nobody knows is a slip
        return found

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
                hint="run them with --queue-class qctl.PausableQueue, or pause with --force",
            )
        held = pauses.hold(self._redis, name, actor=events.actor(), reason=reason, seconds=seconds)
        waited = pauses.settle(self._redis, held, timeout)
        return PauseResult(held.pause, held.changed, stats_snapshot.running_jobs(self._redis, names), waited, deaf)

    def resume(self, name: str) -> ResumeResult:
        """Let a queue go on. Raises NotFoundError."""
        self.require(name)
        return ResumeResult(name, pauses.release(self._redis, name, actor=events.actor()))

    def drain(self, name: str, *, timeout: float, empty: bool = False, progress: Progress | None = None) -> DrainResult:
        """Take nothing new, and wait until what runs has ended: the queue is paused and stays so. With `empty` nothing
        is paused, and it is waited until nothing waits or runs any more.

        Raises NotFoundError, RefusedError where a worker would go on all the same, and WaitTimeoutError, naming what
        still runs, where it takes longer than `timeout` seconds.
        """
        held = None if empty else self.pause(name, reason="drained", timeout=timeout).pause
        if empty:
            self.require(name)
        told, lanes, began, most = progress or ignore_progress, catalog.lanes(name), time.monotonic(), 0
        while True:
            running = stats_snapshot.running_jobs(self._redis, lanes)
            left = len(running) + (
                sum(stats_snapshot.count_waiting(self._redis, lane) for lane in lanes) if empty else 0
            )
            most = max(most, left)
            told(most - left, most)
            passed = time.monotonic() - began
            if not left:
                return DrainResult(name, held, passed)
            if passed >= timeout:
                ids = ", ".join(job.id for job in running[:SHOWN]) or "nothing takes what waits"
                raise WaitTimeoutError(f"{name} is not drained after {timeout:g} s: {left} jobs are left: {ids}")
            time.sleep(LOOK)

    def delete(self, name: str, *, force: bool = False, progress: Progress | None = None) -> DeleteResult:
        """Put every job of a queue into the trash, and forget the queue. `trash restore` brings all back but its pause.

        Raises NotFoundError, RefusedError where a job of it runs or jobs arrive meanwhile, or where workers listen to
        it, unless `force`. May be interrupted and run again.
        """
        self.require(name)
        running = stats_snapshot.running_jobs(self._redis, [name])
        if running:
            raise RefusedError(f"{name} is not deleted: {running[0].id} runs", hint=f"qctl queue drain {quote(name)}")
        listening = workers.listening(self._redis, (name,))
        if listening and not force:
            raise RefusedError(f"{name} is not deleted: {listening[0].name} takes from it", hint="delete with --force")
        nowhere: Progress = ignore_progress
        found = select_jobs.select(self._redis, Selector(), [name], Discard.states, nowhere)
        batch = trash.Batch(self._redis, "delete", actor=events.actor(), ttl=self._settings.trash_ttl)
        gone = bulk.run(self._redis, found, Discard(events.actor(), batch), progress=progress or ignore_progress)
        if not delete_queue.delete(self._redis, name, actor=events.actor()):
            raise RefusedError(
                f"{name} is not deleted: jobs arrived meanwhile", hint=f"qctl pause {quote(name)}, and delete it again"
            )
        return DeleteResult(name, gone.done, gone.batch, name in catalog.QUEUES)

    def clear(self, name: str, *, purge: bool = False, progress: Progress | None = None) -> ClearResult:
        """Move what waits to the trash, or with `purge` delete it for good. What runs is not touched.

        May be interrupted between two steps and run again. Raises NotFoundError.
        """
        self.require(name)
        told = progress or ignore_progress
        if purge:
            return trash.purge(self._redis, name, actor=events.actor(), progress=told)
        return trash.clear(self._redis, name, actor=events.actor(), ttl=self._settings.trash_ttl, progress=told)
