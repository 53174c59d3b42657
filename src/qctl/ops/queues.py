"""Queues: show, pause, resume, drain, clear and delete them."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from itertools import islice
from shlex import quote

from qctl import catalog
from qctl.broker.admin import bulk, delete_queue, repair_leftovers, select_jobs, trash
from qctl.broker.admin.move_jobs import Discard
from qctl.broker.bookkeeping import events
from qctl.broker.query import dead_letter_causes, job_locations, job_name_sample, leftovers, stats_snapshot, workers
from qctl.broker.query import dependents as dependents_query
from qctl.broker.redis import clock, untrusted_fields
from qctl.broker.worker import pauses
from qctl.errors import RefusedError, UsageError, WaitTimeoutError
from qctl.history import open_store
from qctl.models import (
    ClearResult,
    DeleteResult,
    DependentsChoice,
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
from qctl.ops.jobs import end_dependents
from qctl.ops.selection import require_queue
from qctl.ops.stock_workers import HOW_TO_OBEY
from qctl.quantities import quantity

MAX_SCANNED_DEAD_LETTERS = 2000
"""Limit of dead letters outside qctl's index that are read to learn their causes."""

MAX_CAUSES = 5
"""Limit of causes shown for one queue."""

MAX_DEPENDENCIES_CHECKED = 100_000
"""Limit of waiting jobs of which it is checked whether others wait for them. Dependents of others keep waiting, and
`qctl doctor` finds them."""

DRAIN_POLL_SECONDS = 0.1

MAX_LISTED_JOBS = 5
"""Limit of running jobs that the time-out of a drain lists by id."""


class QueueOps(Part, name="queues"):
    """Queues by name."""

    def names(self) -> list[str]:
        """List all queues, sorted: used, paused, or in the catalog."""
        return stats_snapshot.queue_names(self._redis)

    def require(self, name: str) -> None:
        """Raise NotFoundError, with similar names, if the queue does not exist."""
        require_queue(name, stats_snapshot.queue_names(self._redis))

    def waiting(self, name: str) -> int:
        """Count waiting jobs. Raises NotFoundError."""
        self.require(name)
        return stats_snapshot.count_waiting(self._redis, name)

    def show(self, name: str) -> QueueDetail:
        """Return a queue with its lanes, workers, waiting jobs by name, and causes of dead letters. Raises
        NotFoundError."""
        self.require(name)
        lanes = [queue for queue in stats_snapshot.stats(self._redis).queues if queue.name in catalog.lanes(name)]
        waiting: Counter[str] = Counter()
        for lane in lanes:
            waiting.update(job_name_sample.sample_waiting(self._redis, lane.name).names)
        own = [lane.name for lane in lanes]
        causes = dead_letter_causes.groups(self._redis, own, MAX_SCANNED_DEAD_LETTERS).causes[:MAX_CAUSES]
        return QueueDetail(name, lanes, workers.listening(self._redis, own), dict(waiting.most_common()), causes)

    def history(self, name: str, *, seconds: float, span: Span) -> list[HistoryStep]:
        """Return the events of a queue and its lanes in the last `seconds`, counted by hour or day, from the history.

        Raises UnreachableError if the history's database does not answer, NotFoundError for an unknown queue.
        """
        until = clock.to_datetime(clock.now_ms(self._redis))
        store = open_store(self._settings, read_only=True)
        try:
            steps = store.steps(span, until - timedelta(seconds=seconds), until, catalog.lanes(name))
        finally:
            store.close()
        if not steps:
            self.require(name)  # a deleted queue may have a history; one without is probably misspelt
        return steps

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
        """Pause a queue and its lanes, for `seconds` or until `resume`. No job of it starts after this has returned.

        A dead worker, or one that cannot write to Redis, starts nothing and is no obstacle.

        Raises NotFoundError unless `allow_unknown`; RefusedError if a worker ignores pauses, unless `force`;
        WaitTimeoutError if a job that was claimed before has not started within `timeout` seconds.
        """
        if seconds is not None and seconds <= 0:
            raise UsageError(f"pause of {seconds:g} s is too short; it must be longer than 0 s")
        if not allow_unknown:
            self.require(name)
        names = catalog.lanes(name)
        listening = workers.listening(self._redis, names)
        ignoring = [worker.name for worker in listening if not worker.honours_pause]
        if ignoring and not force:
            raise RefusedError(
                f"cannot pause {name!r}: {', '.join(ignoring)} would still run its jobs",
                hint=f"{HOW_TO_OBEY}; or pause the other workers with --force",
            )
        paused = pauses.pause(self._redis, name, actor=events.actor(), reason=reason, seconds=seconds)
        waited = pauses.wait_for_claims(self._redis, paused, timeout)
        running = stats_snapshot.running_jobs(self._redis, names)
        return PauseResult(paused.pause, paused.changed, running, waited, ignoring, len(listening))

    def resume(self, name: str) -> ResumeResult:
        """Resume a paused queue. Raises NotFoundError."""
        self.require(name)
        return ResumeResult(name, pauses.resume(self._redis, name, actor=events.actor()))

    def drain(
        self, name: str, *, timeout: float, empty: bool = False, progress: Progress = ignore_progress
    ) -> DrainResult:
        """Pause a queue, and wait until its running jobs have ended; it stays paused. With `empty` it is not paused,
        and the wait is for its waiting jobs too.

        Raises NotFoundError, RefusedError if a worker ignores pauses, and WaitTimeoutError, with the jobs that still
        run, if it takes longer than `timeout` seconds.
        """
        pause = None if empty else self.pause(name, reason="drained", timeout=timeout).pause
        if empty:
            self.require(name)
        lanes, began, total = catalog.lanes(name), time.monotonic(), 0
        while True:
            running = stats_snapshot.running_jobs(self._redis, lanes)
            left = len(running) + (
                sum(stats_snapshot.count_waiting(self._redis, lane) for lane in lanes) if empty else 0
            )
            total = max(total, left)
            progress(total - left, total)
            seconds = time.monotonic() - began
            if not left:
                return DrainResult(name, pause, seconds)
            if seconds >= timeout:
                ids = ", ".join(job.id for job in running[:MAX_LISTED_JOBS]) or "none runs, and no worker takes them"
                raise WaitTimeoutError(
                    f"{name!r} is not drained after {timeout:g} s: {quantity(left, 'job')} left: {ids}"
                )
            time.sleep(DRAIN_POLL_SECONDS)

    def delete(self, name: str, *, force: bool = False, progress: Progress = ignore_progress) -> DeleteResult:
        """Move all jobs of a queue to the trash, and delete the queue. `trash restore` restores all but its pause.

        Raises NotFoundError, RefusedError if a job runs or jobs arrive meanwhile, or if workers listen to the queue,
        unless `force`. May be interrupted and repeated.
        """
        self.require(name)
        self._repair_leftovers(name)
        running = stats_snapshot.running_jobs(self._redis, [name])
        if running:
            raise RefusedError(
                f"cannot delete {name!r}: job {running[0].id} runs",
                hint=f"drain it first: qctl queue drain {quote(name)}",
            )
        listening = [worker for worker in workers.listening(self._redis, (name,)) if not worker.silent]
        if listening and not force:
            raise RefusedError(
                f"cannot delete {name!r}: worker {listening[0].name} listens to it", hint="delete it with --force"
            )
        chosen = select_jobs.select(self._redis, Selector(), [name], Discard.states, ignore_progress)
        batch = trash.Batch(self._redis, "delete", actor=events.actor(), ttl=self._settings.trash_ttl)
        result = bulk.run(self._redis, chosen, Discard(events.actor(), batch), progress=progress)
        batch.end(self._redis)
        if not delete_queue.delete(self._redis, name, actor=events.actor()):
            raise RefusedError(
                f"cannot delete {name!r}: jobs arrived meanwhile",
                hint=f"run: qctl pause {quote(name)}, then delete it again",
            )
        return DeleteResult(name, result.done, result.batch, name in catalog.QUEUES)

    def _repair_leftovers(self, name: str) -> None:
        """Repair leftovers of a queue, which would keep it from being empty."""
        found = leftovers.find_runs(self._redis, [name])
        ghosts = [ghost for _, page in leftovers.find_ghosts(self._redis, [name]) for ghost in page]
        repair_leftovers.repair(self._redis, [*found, *ghosts], actor=events.actor())

    def dependents(self, name: str) -> int:
        """Count the jobs that wait for waiting jobs of a queue. Raises NotFoundError."""
        self.require(name)
        return dependents_query.waiting_for(self._redis, self._waiting_ids(name))[1]

    def _waiting_ids(self, name: str) -> list[str]:
        pages = job_locations.read(self._redis, name, "queued")
        entries = (entry for page in pages for entry in page)
        return [untrusted_fields.decode(entry.id) for entry in islice(entries, MAX_DEPENDENCIES_CHECKED)]

    def clear(
        self,
        name: str,
        *,
        purge: bool = False,
        dependents: DependentsChoice = "keep",
        progress: Progress = ignore_progress,
    ) -> ClearResult:
        """Move waiting jobs to the trash, or delete them permanently with `purge`. Running jobs are not affected.
        `dependents` says what becomes of the jobs that wait for the removed ones.

        May be interrupted between two steps and repeated. Raises NotFoundError.
        """
        self.require(name)
        actor, ttl = events.actor(), self._settings.trash_ttl
        parents, waiting = dependents_query.waiting_for(self._redis, self._waiting_ids(name))
        if purge and dependents != "keep":
            # The lists of dependents are deleted with the jobs, so these go through the trash.
            result = trash.clear(self._redis, name, actor=actor, ttl=ttl, progress=progress)
        elif purge:
            result = trash.purge(self._redis, name, actor=actor, progress=progress)
        else:
            result = trash.clear(self._redis, name, actor=actor, ttl=ttl, progress=progress)
        changed = end_dependents(self._redis, parents, dependents)
        if purge and result.batch:
            trash.empty(self._redis, result.batch, actor=actor, progress=ignore_progress)
            result = replace(result, batch=None, purged=True)
        return replace(result, dependents=waiting, dependents_changed=changed)
