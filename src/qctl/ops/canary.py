"""Canary retries: the other jobs follow only if the first few succeed."""

from __future__ import annotations

from dataclasses import replace
from shlex import quote

from qctl.broker.admin import bulk
from qctl.broker.admin.bulk import Action
from qctl.broker.query import wait_for_jobs
from qctl.broker.query.wait_for_jobs import JobStatus
from qctl.broker.redis.connection import Connection
from qctl.errors import JobFailedError, WaitTimeoutError
from qctl.models import BulkResult, ChosenJobs, Progress, Selection
from qctl.quantities import clause

FAILED_STATUSES = frozenset({"failed", "stopped", "canceled", "scheduled"})
"""Statuses of a canary that did not succeed. A scheduled one has failed and waits for its next retry."""


def run(
    connection: Connection,
    chosen: Selection,
    act: Action,
    *,
    first: int,
    timeout: float,
    rate: float | None,
    progress: Progress,
) -> BulkResult:
    """Retry the `first` jobs, wait until they have finished, then retry the others. `halted` is the reason that the
    others were not retried."""
    canaries, rest = _split(chosen, first)
    result = bulk.run(connection, canaries, act, progress=lambda done, _: progress(done, chosen.count))
    sent = [outcome.id for outcome in result.outcomes if outcome.done and not outcome.where]
    statuses, _ = wait_for_jobs.wait_until(connection, sent, timeout, _has_ended)
    failed = [id_ for id_ in sent if statuses[id_].status in FAILED_STATUSES]
    unfinished = [id_ for id_ in sent if not _has_ended(id_, statuses[id_])]
    left = rest.count
    others = f"the other {clause(left, 'job', 'was', 'were')} not retried"
    if failed:
        error = JobFailedError(
            f"canary job {failed[0]} failed again: {others}", hint=f"qctl job show {quote(failed[0])}"
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
