"""Running dead letters again, and jobs that were canceled: each leaves its place in the one step that enqueues it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timezone

from redis import Redis
from rq.rate_limit import RateLimitRegistry
from rq.utils import utcformat

from qctl.broker.admin import rate_limit_slots
from qctl.broker.bookkeeping import events
from qctl.broker.redis import job_fields, keys, untrusted_fields
from qctl.broker.redis.scripts import Script
from qctl.models import State

_retry = Script("admin/retry", after="redis/types")


class Retry:
    """Put jobs back to the tails of their queues, as an act of `bulk.run`. A paused queue takes them, and they wait."""

    states: tuple[State, ...] = ("failed", "quarantined", "canceled")
    """Where jobs may be that can be run again."""

    step = 50
    """Jobs a script call takes: less than 1 ms."""

    batch = None

    def __init__(self, actor: str) -> None:
        self.actor = actor

    def __call__(
        self, connection: Redis, queue: str, _state: State, ids: Sequence[bytes], _positions: Sequence[int]
    ) -> tuple[list[str], int]:
        """Do it to these jobs. Returns a word for each, as `retry.lua` says them."""
        now = datetime.now(timezone.utc)
        limit_begin, _, limit_end = RateLimitRegistry("\0", connection).rate_limited_key.partition("\0")
        answers = _retry(
            connection,
            [
                keys.failed(queue),
                keys.quarantine(queue),
                keys.queue(queue),
                keys.recoveries(queue),
                keys.claims(queue),
                keys.intermediate(queue),
                keys.QUEUES,
                keys.causes(queue),
                keys.EVENTS,
                keys.canceled(queue),
            ],
            [
                queue,
                keys.JOB_PREFIX,
                utcformat(now),
                now.timestamp(),
                self.actor,
                events.MAX_ENTRIES,
                job_fields.FINGERPRINT,
                keys.cause(queue, ""),
                limit_begin,
                limit_end,
                *ids,
            ],
        )
        words = [untrusted_fields.decode(answer) for answer in answers]
        for id_, word in zip(ids, words, strict=True):
            if word == "limited":
                rate_limit_slots.acquire(connection, untrusted_fields.decode(id_))
        return words, 0
