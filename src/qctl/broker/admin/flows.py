"""Acts on flows: retries or cancels jobs with all that depend on them, in one step."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from redis import Redis

from qctl.broker.admin import queue_values, rate_limit_slots
from qctl.broker.bookkeeping import audit
from qctl.broker.query.flows import MAX_JOBS
from qctl.broker.redis import job_fields, keys, replies, untrusted_fields
from qctl.broker.redis.scripts import Script
from qctl.errors import RefusedError
from qctl.models import BulkResult, Outcome

MAX_STEPS = 5_000_000
"""Ids of queues that a cancellation passes to find waiting jobs: Redis takes 0.1 s for them."""

_BEGINNING = ("redis/types", "bookkeeping/step")
_cancel = Script("admin/cancel_flow", after=(*_BEGINNING, "admin/flow"))
_retry = Script(
    "admin/retry_flow",
    after=(*_BEGINNING, "admin/leave_dependencies", "admin/leave_dead", "admin/put_in_queue", "admin/flow"),
)

_DETAILS = {
    "waits": "it waits for its dependencies",
    "limited": "it waits for its rate limit",
    "started": "it runs; stop it with: qctl job stop ID",
    "moved": "a worker is about to start it",
    "unreadable": "its data, or a key of its queue, cannot be read",
    "trash": "it is in the trash",
    "gone": "its data is gone",
    "deferred": "it waits for its dependencies already",
    "queued": "it waits already",
}
"""Details of jobs that an act changed in part, or left as they are."""


def cancel(connection: Redis, roots: Sequence[str], *, actor: str) -> BulkResult:
    """Cancel these jobs and all that depend on them, as far as they have not started. Raises RefusedError, and changes
    nothing then, if the flow is too large."""
    reply = _cancel(
        connection,
        **_flow_values(roots),
        dependents_suffix=keys.DEPENDENTS_SUFFIX,
        scheduled_prefix=keys.scheduled(""),
        changed_field=job_fields.CHANGED_AT,
        max_steps=MAX_STEPS,
        **audit.step_values(actor),
    )
    outcomes = []
    for id_, queue, word in _words(reply):
        if word == "limited":
            rate_limit_slots.release(connection, id_)
        if word != "ended":
            is_done = word in ("done", "limited")
            outcomes.append(Outcome(id_, queue, is_done, "" if is_done else _detail(word)))
    return BulkResult.of(outcomes)


def retry(connection: Redis, roots: Sequence[str], *, actor: str) -> BulkResult:
    """Run again what failed or was canceled of these jobs and all that depend on them: those whose dependencies have
    finished now, others after theirs. Raises RefusedError, and changes nothing then, if the flow is too large."""
    reply = _retry(
        connection,
        **_flow_values(roots),
        **queue_values.dependency_values(),
        **queue_values.values(connection),
        failed_prefix=keys.failed(""),
        quarantine_prefix=keys.quarantine(""),
        recoveries_prefix=keys.recoveries(""),
        claims_prefix=keys.claims(""),
        causes_prefix=keys.causes(""),
        cause_prefix=keys.cause("", "").removesuffix(":"),
        intermediate_suffix=keys.intermediate("").removeprefix(keys.queue("")),
        fingerprint_field=job_fields.FINGERPRINT,
        **audit.step_values(actor),
    )
    outcomes = []
    for id_, queue, word in _words(reply):
        if word == "limited":
            rate_limit_slots.acquire(connection, id_)
        if word in ("done", "limited", "waits"):
            outcomes.append(Outcome(id_, queue, True, "" if word == "done" else _detail(word)))
        elif word in ("unreadable", "trash"):
            outcomes.append(Outcome(id_, queue, False, _detail(word)))
    return BulkResult.of(outcomes)


def _flow_values(roots: Sequence[str]) -> dict[str, Any]:
    return {
        "max_jobs": MAX_JOBS,
        "job_prefix": keys.JOB_PREFIX,
        "dependents_field": job_fields.DEPENDENTS,
        "batch_field": job_fields.TRASH_BATCH,
        "queue_prefix": keys.QUEUE_PREFIX,
        "canceled_prefix": keys.canceled(""),
        "deferred_prefix": keys.deferred(""),
        "roots": list(roots),
    }


def _words(reply: object) -> Iterator[tuple[str, str, str]]:
    """Yield id, queue and word of each job. Raises RefusedError if the flow was not acted on."""
    words = [untrusted_fields.decode(word) for word in replies.array(reply) if isinstance(word, bytes)]
    if words == ["large"]:
        raise RefusedError(
            f"the flow has more than {MAX_JOBS} jobs",
            hint="list their ids with `qctl flow show FLOW -o name`, and pass them to qctl job retry or cancel",
        )
    if words == ["deep"]:
        raise RefusedError(
            "the jobs of the flow wait in queues too long to search in one step",
            hint="cancel jobs one by one with: qctl job cancel ID --dependents cancel",
        )
    yield from zip(words[::3], words[1::3], words[2::3], strict=True)


def _detail(word: str) -> str:
    return _DETAILS.get(word, f"it is {word}")
