"""Retries dead letters and canceled jobs: each leaves its location in the step that enqueues it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timezone

from redis import Redis
from rq.rate_limit import RateLimitRegistry
from rq.utils import utcformat

from qctl.broker.admin import queue_values, rate_limit_slots, repair_leftovers
from qctl.broker.bookkeeping import audit
from qctl.broker.redis import job_fields, keys, replies, untrusted_fields
from qctl.broker.redis.scripts import Script
from qctl.models import State

_retry = Script(
    "admin/retry", after=("redis/types", "bookkeeping/step", "admin/leave_dependencies", "admin/leave_dead")
)


class Retry:
    """Action of `bulk.run` that puts jobs back to the tails of their queues. In a paused queue they wait."""

    states: tuple[State, ...] = ("failed", "quarantined", "canceled")
    """States of jobs that can be retried."""

    jobs_per_call = 50
    """Jobs that a script call takes, in less than 1 ms."""

    batch = None

    def __init__(self, actor: str) -> None:
        self.actor = actor

    def __call__(
        self, connection: Redis, queue: str, state: State, ids: Sequence[bytes], _positions: Sequence[int]
    ) -> tuple[list[str], int]:
        """Retry jobs; of started ones, those that their worker left. Returns a word for each, as in `retry.lua`."""
        if state == "started":
            repair_leftovers.end_abandoned(connection, queue, ids, actor=self.actor)
        now = datetime.now(timezone.utc)
        limit_prefix, _, limit_suffix = RateLimitRegistry("\0", connection).rate_limited_key.partition("\0")
        reply = _retry(
            connection,
            failed=keys.failed(queue),
            quarantine=keys.quarantine(queue),
            waiting=keys.queue(queue),
            recoveries=keys.recoveries(queue),
            claims=keys.claims(queue),
            intermediate=keys.intermediate(queue),
            queues=keys.QUEUES,
            causes=keys.causes(queue),
            canceled=keys.canceled(queue),
            queue=queue,
            job_prefix=keys.JOB_PREFIX,
            **queue_values.dependency_values(),
            now=utcformat(now),
            now_seconds=now.timestamp(),
            **audit.step_values(self.actor),
            fingerprint_field=job_fields.FINGERPRINT,
            cause_prefix=keys.cause(queue, ""),
            limit_prefix=limit_prefix,
            limit_suffix=limit_suffix,
            job_ids=ids,
        )
        words = list(map(replies.word, replies.array(reply)))
        for id_, word in zip(ids, words, strict=True):
            if word == "limited":
                rate_limit_slots.acquire(connection, untrusted_fields.decode(id_))
        return words, 0
