"""Housekeeping, made for cron: what is older than anybody wants to keep."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Literal, get_args

from qctl import old_files
from qctl.broker.admin import cleanup, trash
from qctl.broker.query import stats_snapshot
from qctl.broker.redis import clock, locks
from qctl.errors import QctlError, RefusedError, UsageError
from qctl.history import open_store
from qctl.jobs import images
from qctl.models import ChosenJobs, Cleanup, CleanupKind, CleanupResult, Progress, Selection, ignore_progress
from qctl.ops.base import Part
from qctl.ops.jobs import JobOps
from qctl.ops.selection import families

DAY = 86_400.0

FINISHED, KEEP_FINISHED = DAY, 100
"""Finished jobs go after so many seconds, but for the newest so many of each queue; by the third seed document."""

FAILED, KEEP_FAILED = 7 * DAY, 50
"""Dead letters likewise; they go to the trash."""

FORGOTTEN_AT_ONCE = 5000
"""Events of the history that are deleted in one step."""

STEP_TIME = 120.0
"""Seconds that a step takes at most; another cleanup may begin so long after one was killed."""

ALL_KINDS: tuple[CleanupKind, ...] = get_args(CleanupKind)


@dataclass(frozen=True)
class _Wish:
    """What a run was asked for: None is by kind."""

    queues: Sequence[str]
    older_than: float | None
    keep: int | None
    dry_run: bool

    def age(self, default: float) -> float:
        return default if self.older_than is None else self.older_than

    def newest(self, default: int) -> int:
        return default if self.keep is None else self.keep


class CleanupOps(Part, name="cleanup"):
    """What `qctl cleanup` does. One run at a time, on all hosts together."""

    def run(
        self,
        kinds: Sequence[CleanupKind] = ALL_KINDS,
        *,
        older_than: float | None = None,
        keep: int | None = None,
        queues: Sequence[str] = (),
        dry_run: bool = False,
        progress: Progress | None = None,
    ) -> Cleanup:
        """Remove what is older than `older_than` seconds, but for the `keep` newest of each queue; of these queues
        (names or patterns, all by default). What is not said is by kind: see `qctl cleanup KIND --help`.

        May be interrupted and run again. Raises RefusedError where another cleanup runs, UsageError, NotFoundError.
        """
        if (older_than is not None and older_than < 0) or (keep is not None and keep < 0):
            raise UsageError("nothing is older than the future, and no fewer than 0 are kept")
        wish = _Wish(families(queues, stats_snapshot.queue_names(self._redis)), older_than, keep, dry_run)
        began = time.monotonic()
        told = progress or ignore_progress
        with nullcontext(_nothing) if dry_run else locks.try_lock(self._redis, "cleanup", STEP_TIME) as go_on:
            if go_on is None:
                raise RefusedError("another cleanup is running", hint="try again when it has ended")

            def stepped(done: int, total: int | None) -> None:
                go_on()
                told(done, total)

            removed = [self._one(kind, wish, stepped) for kind in kinds]
        return Cleanup(removed, time.monotonic() - began, dry_run)

    def _one(self, kind: CleanupKind, wish: _Wish, progress: Progress) -> CleanupResult:
        """One kind. What goes wrong with it does not keep the others from going."""
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
            return kinds[kind](wish, progress)
        except QctlError as error:
            return CleanupResult(kind, 0, problem=error.message)

    # --- each kind ---

    def _finished(self, wish: _Wish, progress: Progress) -> CleanupResult:
        before, keep = self._now - wish.age(FINISHED), wish.newest(KEEP_FINISHED)
        done = 0
        for queue in wish.queues:
            found = cleanup.expired_jobs(self._redis, queue, "finished", before=before, keep=keep)
            if wish.dry_run:
                done += _count(found)
            else:
                done += cleanup.delete_finished(self._redis, queue, found, _after(done, progress))
        return CleanupResult("finished", done)

    def _failed(self, wish: _Wish, progress: Progress) -> CleanupResult:
        before, keep = self._now - wish.age(FAILED), wish.newest(KEEP_FAILED)
        found = (
            (queue, cleanup.expired_jobs(self._redis, queue, "failed", before=before, keep=keep))
            for queue in wish.queues
        )
        chosen = Selection([ChosenJobs(queue, "failed", ids) for queue, each in found if (ids := list(each))])
        if wish.dry_run or not chosen.count:
            return CleanupResult("failed", chosen.count)
        result = JobOps(self._redis, self._settings).delete(chosen, verb="discard", progress=progress)
        return CleanupResult("failed", result.done, batch=result.batch)

    def _results(self, wish: _Wish, progress: Progress) -> CleanupResult:
        found = cleanup.orphaned_results(self._redis)
        return CleanupResult(
            "results", _count(found) if wish.dry_run else cleanup.delete_keys(self._redis, found, progress)
        )

    def _reports(self, wish: _Wish, progress: Progress) -> CleanupResult:
        return self._files("reports", wish.age(float(self._settings.keep_reports)), wish.dry_run, progress)

    def _exports(self, wish: _Wish, progress: Progress) -> CleanupResult:
        return self._files("exports", wish.age(float(self._settings.keep_exports)), wish.dry_run, progress)

    def _images(self, wish: _Wish, progress: Progress) -> CleanupResult:
        before = time.time() - wish.age(float(self._settings.keep_images))
        return _removed("images", images.unused_images(self._settings, self._redis, before), wish.dry_run, progress)

    def _files(
        self, kind: Literal["reports", "exports"], age: float, dry_run: bool, progress: Progress
    ) -> CleanupResult:
        found = old_files.find_outdated(self._settings.exports, kind, time.time() - age)
        return _removed(kind, found, dry_run, progress)

    def _history(self, wish: _Wish, progress: Progress) -> CleanupResult:
        before = clock.to_datetime((self._now - wish.age(self._settings.keep_history * DAY)) * 1000)
        store = open_store(self._settings, read_only=wish.dry_run)
        try:
            if wish.dry_run:
                steps = store.steps("day", clock.to_datetime(0), before)
                return CleanupResult("history", sum(sum(step.counts.values()) for step in steps))
            done = 0
            while forgotten := store.delete_before(before, FORGOTTEN_AT_ONCE):
                done += forgotten
                progress(done, None)
            return CleanupResult("history", done)
        finally:
            store.close()

    def _trash(self, wish: _Wish, progress: Progress) -> CleanupResult:
        now = clock.to_datetime(self._now * 1000)
        if wish.dry_run:
            return CleanupResult("trash", sum(b.count for b in trash.batches(self._redis) if b.expires_at <= now))
        done = 0
        while gone := trash.expire(self._redis):
            done += gone
            progress(done, None)
        return CleanupResult("trash", done)

    @property
    def _now(self) -> float:
        return clock.now_ms(self._redis) / 1000


def _removed(kind: CleanupKind, files: Iterable[old_files.OldFile], dry_run: bool, progress: Progress) -> CleanupResult:
    done = size = 0
    for each in files:
        if dry_run or each.remove():
            done, size = done + 1, size + each.size
        progress(done, None)
    return CleanupResult(kind, done, size)


def _nothing() -> None:
    """What a run that changes nothing asks before each step."""


def _count(items: Iterable[object]) -> int:
    return sum(1 for _ in items)


def _after(before: int, progress: Progress) -> Progress:
    """The progress of one queue of many."""
    return lambda done, total: progress(before + done, total)
