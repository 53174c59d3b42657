"""Cleanup, made for cron: delete data that has outlived its retention time."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Literal, get_args

from qctl import old_files
from qctl.broker.admin import cleanup, trash
from qctl.broker.bookkeeping import audit, events
from qctl.broker.query import stats_snapshot
from qctl.broker.redis import clock, locks
from qctl.errors import QctlError, RefusedError, UsageError
from qctl.history import open_store
from qctl.history.store import HistoryStore
from qctl.jobs import images
from qctl.models import ChosenJobs, Cleanup, CleanupKind, CleanupResult, Progress, Selection, ignore_progress
from qctl.ops.base import Part
from qctl.ops.jobs import JobOps
from qctl.ops.selection import select_families

DAY_SECONDS = 86_400.0

FINISHED_SECONDS, KEEP_FINISHED_JOBS = DAY_SECONDS, 100
"""Age at which finished jobs are deleted, and number of the newest jobs of each queue that stay."""

FAILED_SECONDS, KEEP_FAILED_JOBS = 7 * DAY_SECONDS, 50
"""Age at which dead letters move to the trash, and number of the newest of each queue that stay."""

HISTORY_STEP_EVENTS = 5000
"""Events of the history that one step deletes."""

STEP_FILES = 200
"""Files that one step deletes."""

LOCK_SECONDS = 120.0
"""Lifetime of the lock between two steps: after a killed cleanup, the next can start this much later."""

ALL_KINDS: tuple[CleanupKind, ...] = get_args(CleanupKind)


@dataclass(frozen=True)
class _Limits:
    """Arguments of a run; None is the default of each kind."""

    queues: Sequence[str]
    older_than: float | None
    keep: int | None
    dry_run: bool

    def age(self, default: float) -> float:
        return default if self.older_than is None else self.older_than

    def newest(self, default: int) -> int:
        return default if self.keep is None else self.keep


class CleanupOps(Part, name="cleanup"):
    """Cleanup, for `qctl cleanup`. One run at a time on all hosts together."""

    def run(
        self,
        kinds: Sequence[CleanupKind] = ALL_KINDS,
        *,
        older_than: float | None = None,
        keep: int | None = None,
        queues: Sequence[str] = (),
        dry_run: bool = False,
        progress: Progress = ignore_progress,
    ) -> Cleanup:
        """Delete data older than `older_than` seconds, except the `keep` newest jobs of each queue; of these queues
        (names or patterns, default: all). Other defaults depend on the kind, see `qctl cleanup KIND --help`.

        May be interrupted and repeated. Raises RefusedError if another cleanup runs, UsageError and NotFoundError.
        """
        for name, value in (("older_than", older_than), ("keep", keep)):
            if value is not None and value < 0:
                raise UsageError(f"{name} {value:g} is negative")
        limits = _Limits(select_families(queues, stats_snapshot.queue_names(self._redis)), older_than, keep, dry_run)
        began = time.monotonic()
        with nullcontext(_no_lock) if dry_run else locks.try_lock(self._redis, "cleanup", LOCK_SECONDS) as extend_lock:
            if extend_lock is None:
                raise RefusedError("another cleanup is running", hint="repeat when it has ended")

            def after_step(done: int, total: int | None) -> None:
                extend_lock()
                progress(done, total)

            removed = [self._clean(kind, limits, after_step) for kind in kinds]
        return Cleanup(removed, time.monotonic() - began, dry_run)

    def _clean(self, kind: CleanupKind, limits: _Limits, progress: Progress) -> CleanupResult:
        """Clean one kind. Its error is part of the result, so that the other kinds are still cleaned."""
        kinds = {
            "finished": self._finished,
            "failed": self._failed,
            "results": self._results,
            "reports": self._reports,
            "exports": self._exports,
            "images": self._images,
            "history": self._history,
            "trash": self._trash,
        }
        try:
            return kinds[kind](limits, progress)
        except QctlError as error:
            return CleanupResult(kind, 0, problem=error.message)

    # --- each kind ---

    def _finished(self, limits: _Limits, progress: Progress) -> CleanupResult:
        before, keep = self._now - limits.age(FINISHED_SECONDS), limits.newest(KEEP_FINISHED_JOBS)
        done = 0
        for queue in limits.queues:
            ids = cleanup.expired_jobs(self._redis, queue, "finished", before=before, keep=keep)
            if limits.dry_run:
                done += _count(ids)
            else:
                after_step = _offset_progress(done, progress)
                done += cleanup.delete_finished(
                    self._redis, queue, ids, after_step, actor=events.actor(), reason="finished jobs"
                )
        return CleanupResult("finished", done)

    def _failed(self, limits: _Limits, progress: Progress) -> CleanupResult:
        before, keep = self._now - limits.age(FAILED_SECONDS), limits.newest(KEEP_FAILED_JOBS)
        by_queue = (
            (queue, list(cleanup.expired_jobs(self._redis, queue, "failed", before=before, keep=keep)))
            for queue in limits.queues
        )
        chosen = Selection([ChosenJobs(queue, "failed", ids) for queue, ids in by_queue if ids])
        if limits.dry_run or not chosen.count:
            return CleanupResult("failed", chosen.count)
        result = JobOps(self._redis, self._settings).delete(chosen, verb="discard", progress=progress)
        return CleanupResult("failed", result.done, batch=result.batch)

    def _results(self, limits: _Limits, progress: Progress) -> CleanupResult:
        ids = cleanup.orphaned_results(self._redis)
        if limits.dry_run:
            return CleanupResult("results", _count(ids))
        return CleanupResult("results", cleanup.delete_results(self._redis, ids, progress, actor=events.actor()))

    def _reports(self, limits: _Limits, progress: Progress) -> CleanupResult:
        return self._files("reports", limits.age(float(self._settings.keep_reports)), limits.dry_run, progress)

    def _exports(self, limits: _Limits, progress: Progress) -> CleanupResult:
        return self._files("exports", limits.age(float(self._settings.keep_exports)), limits.dry_run, progress)

    def _images(self, limits: _Limits, progress: Progress) -> CleanupResult:
        before = time.time() - limits.age(float(self._settings.keep_images))
        files = images.unused_images(self._settings, self._redis, before)
        return self._delete_files("images", files, limits.dry_run, progress)

    def _files(
        self, kind: Literal["reports", "exports"], age: float, dry_run: bool, progress: Progress
    ) -> CleanupResult:
        files = old_files.find_outdated(self._settings.exports, kind, time.time() - age)
        return self._delete_files(kind, files, dry_run, progress)

    def _delete_files(
        self, kind: CleanupKind, files: Iterable[old_files.OldFile], dry_run: bool, progress: Progress
    ) -> CleanupResult:
        if dry_run:
            sizes = [file.size for file in files]
            return CleanupResult(kind, len(sizes), sum(sizes))
        done = size = 0
        remaining = iter(files)
        while step := list(islice(remaining, STEP_FILES)):
            with audit.outside_step(self._redis, len(step), actor=events.actor()) as deleted:
                for file in step:
                    if file.remove():
                        deleted.append(1)
                        size += file.size
            done += len(deleted)
            progress(done, None)
        return CleanupResult(kind, done, size)

    def _history(self, limits: _Limits, progress: Progress) -> CleanupResult:
        before = clock.to_datetime((self._now - limits.age(self._settings.keep_history * DAY_SECONDS)) * 1000)
        store = open_store(self._settings, read_only=limits.dry_run)
        try:
            if limits.dry_run:
                steps = store.steps("day", clock.to_datetime(0), before)
                return CleanupResult("history", sum(sum(step.counts.values()) for step in steps))
            done = 0
            while deleted := self._delete_events(store, before):
                done += deleted
                progress(done, None)
            return CleanupResult("history", done)
        finally:
            store.close()

    def _delete_events(self, store: HistoryStore, before: datetime) -> int:
        with audit.outside_step(self._redis, HISTORY_STEP_EVENTS, actor=events.actor()) as deleted:
            deleted.append(store.delete_before(before, HISTORY_STEP_EVENTS))
        return sum(deleted)

    def _trash(self, limits: _Limits, progress: Progress) -> CleanupResult:
        now = clock.to_datetime(self._now * 1000)
        if limits.dry_run:
            return CleanupResult(
                "trash", sum(batch.count for batch in trash.batches(self._redis) if batch.expires_at <= now)
            )
        done = 0
        while deleted := trash.expire(self._redis):
            done += deleted
            progress(done, None)
        return CleanupResult("trash", done)

    @property
    def _now(self) -> float:
        return clock.now_ms(self._redis) / 1000


def _no_lock() -> None:
    """Stand-in for the extension of the lock, for a run that changes nothing."""


def _count(items: Iterable[object]) -> int:
    return sum(1 for _ in items)


def _offset_progress(before: int, progress: Progress) -> Progress:
    """Return a callback that adds `before` to the progress of one queue of many."""
    return lambda done, total: progress(before + done, total)
