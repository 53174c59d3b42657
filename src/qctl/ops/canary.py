"""A few jobs that go ahead: the others follow where those do well."""

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

BROKEN = frozenset({"failed", "stopped", "canceled", "scheduled"})
"""Statuses of a job that did not do well. One that is scheduled failed, and will be tried again."""


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
    """Retry `first` of them, wait until they have finished, retry the others. `halted` says why that was not done."""
    ahead, rest = _split(chosen, first)
    result = bulk.run(connection, ahead, act, progress=lambda done, _: progress(done, chosen.count))
    sent = [outcome.id for outcome in result.outcomes if outcome.done and not outcome.where]
    seen, _ = wait_for_jobs.wait_until(connection, sent, timeout, _has_ended)
    broken = [id_ for id_ in sent if seen[id_].status in BROKEN]
    late = [id_ for id_ in sent if not _has_ended(id_, seen[id_])]
    left = rest.count
    others = f"the other {left} were left as they are"
    if broken:
        error = JobFailedError(
            f"job {broken[0]} did not do well again: {others}", hint=f"qctl job show {quote(broken[0])}"
        )
        return replace(result, halted=error)
    if late:
        status = seen[late[0]].status
        return replace(result, halted=WaitTimeoutError(f"job {late[0]} is {status} after {timeout:g} s: {others}"))
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


def _has_ended(_id: str, seen: JobStatus) -> bool:
    return seen.status in BROKEN or seen.status in wait_for_jobs.END_STATUSES


def _split(chosen: Selection, first: int) -> tuple[Selection, Selection]:
    """The first of them, and the others. What is not there is told of with the first."""
    ahead: list[ChosenJobs] = []
    rest: list[ChosenJobs] = []
    for part in chosen.chosen:
        ahead.append(ChosenJobs(part.queue, part.state, part.ids[:first], part.positions[:first]))
        rest.append(ChosenJobs(part.queue, part.state, part.ids[first:], part.positions[first:]))
        first = max(0, first - len(part.ids))
    return replace(chosen, chosen=ahead), Selection(rest, so=chosen.so)
