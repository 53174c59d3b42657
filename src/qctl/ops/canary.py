"""Canary retries: the other jobs follow only if the first few succeed."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from shlex import quote

from qctl.broker.admin import bulk
from qctl.broker.admin.bulk import Action
from qctl.broker.bookkeeping import dead_letter_index
from qctl.broker.query import job_detail, wait_for_jobs
from qctl.broker.query.wait_for_jobs import JobStatus
from qctl.broker.redis.connection import Connection
from qctl.broker.worker import current_pauses
from qctl.errors import JobFailedError, RefusedError, WaitTimeoutError
from qctl.models import BulkResult, CanaryState, ChosenJobs, Progress, Selection
from qctl.quantities import clause

FAILED_STATUSES = frozenset({"failed", "stopped", "canceled", "scheduled"})
"""Statuses of a canary that did not succeed. A scheduled one has failed and waits for its next retry."""

WATCH_SECONDS = 0.2
"""Time (s) between two reports about canaries."""

MAX_ERROR_CHARACTERS = 200
"""Characters of a canary's error that are told."""


def run(
    connection: Connection,
    chosen: Selection,
    act: Action,
    *,
    first: int,
    timeout: float,
    rate: float | None,
    progress: Progress,
    copies: Mapping[str, str] | None = None,
    watch: Callable[[CanaryState], None] | None = None,
) -> BulkResult:
    """Retry the `first` jobs, wait until they have finished or one has failed, then retry the others. `halted` is the
    reason that the others were not retried. `copies` is filled by the action with the jobs that run in place of the
    selected ones. `watch` is called a few times a second while canaries are awaited.

    Raises RefusedError, before anything is retried, if the queue of a canary is paused.
    """
    canaries, rest = _split(chosen, first)
    _refuse_paused(connection, [part.queue for part in canaries.chosen if part.ids])
    result = bulk.run(connection, canaries, act, progress=lambda done, _: progress(done, chosen.count))
    copied = copies or {}
    sent = [copied.get(outcome.id, outcome.id) for outcome in result.outcomes if outcome.done and not outcome.where]
    statuses = _wait(connection, sent, timeout, watch)
    failed = [id_ for id_ in sent if statuses[id_].status in FAILED_STATUSES]
    unfinished = [id_ for id_ in sent if not _has_ended(id_, statuses[id_])]
    left = rest.count
    others = f"the other {clause(left, 'job', 'was', 'were')} not {'replayed' if copies is not None else 'retried'}"
    if failed:
        why = _error(connection, statuses[failed[0]].queue, failed[0])
        error = JobFailedError(
            f"canary job {failed[0]} failed again{why}; {others}", hint=f"qctl job show {quote(failed[0])}"
        )
        return replace(result, halted=error)
    if unfinished:
        status = statuses[unfinished[0]].status
        return replace(
            result, halted=WaitTimeoutError(f"canary job {unfinished[0]} is {status} after {timeout:g} s: {others}")
        )
    before = result.done + result.failed
    after = bulk.run(connection, rest, act, rate=rate, progress=lambda done, _: progress(before + done, chosen.count))
    return BulkResult(
        done=result.done + after.done,
        failed=result.failed + after.failed,
        outcomes=[*result.outcomes, *after.outcomes],
        queues=sorted({*result.queues, *after.queues}),
        scan=chosen.scan,
        already=result.already + after.already,
    )


def _refuse_paused(connection: Connection, queues: Sequence[str]) -> None:
    """Raise RefusedError if one of these queues is paused: its canary would not run."""
    paused = current_pauses.read(connection)
    for queue in queues:
        pause = current_pauses.find(paused, queue)
        if pause is not None:
            raise RefusedError(
                f"queue {queue!r} is paused by {pause.by}: a canary would not run, and nothing was retried",
                f"resume with: qctl resume {quote(pause.queue)}",
            )


def _wait(
    connection: Connection, ids: Sequence[str], timeout: float, watch: Callable[[CanaryState], None] | None
) -> dict[str, JobStatus]:
    """Wait until all of these jobs have ended, or the first has failed. Returns the status of each."""
    began = watched_at = time.monotonic()
    seen: dict[str, str] = {}
    failed: set[str] = set()

    def needs_no_wait(id_: str, job: JobStatus) -> bool:
        nonlocal watched_at
        seen[id_] = job.status
        now = time.monotonic()
        if watch is not None and now - watched_at >= WATCH_SECONDS:
            watched_at = now
            ended = sum(status in wait_for_jobs.END_STATUSES for status in seen.values())
            watch(CanaryState(ended, list(seen.values()).count("started"), len(ids), now - began))
        if job.status in FAILED_STATUSES:
            failed.add(id_)
        return bool(failed) or _has_ended(id_, job)

    return wait_for_jobs.wait_until(connection, ids, timeout, needs_no_wait)[0]


def _error(connection: Connection, queue: str, job_id: str) -> str:
    """Return the error of a failed canary as part of a sentence, empty if none is known."""
    detail = job_detail.read(connection, job_id, [queue])
    line = dead_letter_index.last_line(detail.traceback) or detail.error if detail else ""
    return f" with {line[:MAX_ERROR_CHARACTERS]!r}" if line else ""


def _has_ended(_id: str, job: JobStatus) -> bool:
    return job.status in FAILED_STATUSES or job.status in wait_for_jobs.END_STATUSES


def _split(chosen: Selection, first: int) -> tuple[Selection, Selection]:
    """Split into the first jobs and the others. Missing ids stay with the first."""
    canaries: list[ChosenJobs] = []
    rest: list[ChosenJobs] = []
    for part in chosen.chosen:
        canaries.append(ChosenJobs(part.queue, part.state, part.ids[:first], part.positions[:first]))
        rest.append(ChosenJobs(part.queue, part.state, part.ids[first:], part.positions[first:]))
        first = max(0, first - len(part.ids))
    return replace(chosen, chosen=canaries), Selection(rest, already_details=chosen.already_details)
