"""Ends the wait of jobs for another that will not finish: they are enqueued without it, or canceled.

RQ enqueues dependents when their dependency ends. It does nothing for those of a job that is canceled, discarded,
quarantined or deleted, so they would wait for ever.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from redis import Redis

from qctl.broker.admin import queue_values, rate_limit_slots
from qctl.broker.bookkeeping import audit
from qctl.broker.redis import job_fields, keys, replies, untrusted_fields
from qctl.broker.redis.scripts import Script

DependenceVerb = Literal["allowed", "release", "cancel"]

MAX_GENERATIONS = 100
"""Generations of dependents that are canceled. Further ones are found by doctor."""

_end_dependence = Script(
    "admin/end_dependence",
    after=("redis/types", "bookkeeping/step", "admin/leave_dependencies", "admin/put_in_queue"),
)


def end(connection: Redis, job_ids: Sequence[str], verb: DependenceVerb, *, actor: str, reason: str) -> int:
    """End the wait for these jobs. Returns how many dependents changed.

    `allowed` enqueues those that allow the failure of a dependency, `release` all whose other dependencies are met;
    `cancel` cancels them, and those that wait for them.
    """
    changed, generation = 0, list(job_ids)
    for _ in range(MAX_GENERATIONS):
        ended = [id_ for job_id in generation for id_ in _end_one(connection, job_id, verb, actor, reason)]
        changed += len(ended)
        if verb != "cancel" or not ended:
            break
        generation = ended
    return changed


def _end_one(connection: Redis, job_id: str, verb: DependenceVerb, actor: str, reason: str) -> list[str]:
    reply = _end_dependence(
        connection,
        dependents=keys.dependents(job_id),
        parent_id=job_id,
        verb=verb,
        reason=reason,
        queue_prefix=keys.QUEUE_PREFIX,
        deferred_prefix=keys.deferred(""),
        canceled_prefix=keys.canceled(""),
        job_prefix=keys.JOB_PREFIX,
        **queue_values.dependency_values(),
        batch_field=job_fields.TRASH_BATCH,
        **queue_values.values(connection),
        **audit.step_values(actor),
    )
    words = [untrusted_fields.decode(word) for word in replies.array(reply) if isinstance(word, bytes)]
    for id_, word in zip(words[::2], words[1::2], strict=True):
        if word == "limited":
            rate_limit_slots.acquire(connection, id_)
    return words[::2]
