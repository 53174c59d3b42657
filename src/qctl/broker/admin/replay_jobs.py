"""Replays finished jobs: enqueues a copy of each, linked to its original."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime, timezone

from redis import Redis
from rq.utils import utcformat

from qctl.broker.bookkeeping import audit
from qctl.broker.redis import job_fields, keys, replies, untrusted_fields
from qctl.broker.redis.scripts import Script
from qctl.models import State

COPIED_FIELDS = (
    *("data", "description", "timeout", "result_ttl", "failure_ttl", "ttl", "meta", "retries_left", "retry_intervals"),
    *("success_callback_name", "success_callback_timeout", "failure_callback_name", "failure_callback_timeout"),
    *("stopped_callback_name", "stopped_callback_timeout"),
)
"""Fields of a job that its copy has too. What it waited for, its repeats and its group are left out."""

MAX_KNOWN_COPIES = 10_000
"""Copies whose ids an action remembers, for canaries."""

_replay = Script("admin/replay", after=("redis/types", "bookkeeping/step"))


class Replay:
    """Action of `bulk.run` that enqueues a copy of each job at the tail of its queue. `again` copies jobs once more
    that have a copy. `copies` has the ids of the first copies by those of their originals."""

    states: tuple[State, ...] = ("finished",)
    """States of jobs that can be replayed; dead letters and canceled jobs are retried."""

    jobs_per_call = 50
    """Jobs that a script call takes, in about 2 ms."""

    batch = None

    def __init__(self, actor: str, *, again: bool = False) -> None:
        self.actor = actor
        self.copies: dict[str, str] = {}
        self._again = again

    def __call__(
        self, connection: Redis, queue: str, _state: State, ids: Sequence[bytes], _positions: Sequence[int]
    ) -> tuple[list[str], int]:
        """Copy jobs. Returns a word for each, as in `replay.lua`."""
        new_ids = [str(uuid.uuid4()) for _ in ids]
        reply = _replay(
            connection,
            finished=keys.finished(queue),
            waiting=keys.queue(queue),
            queues=keys.QUEUES,
            queue=queue,
            job_prefix=keys.JOB_PREFIX,
            now=utcformat(datetime.now(timezone.utc)),
            from_field=job_fields.REPLAYED_FROM,
            to_field=job_fields.REPLAYED_TO,
            again="1" if self._again else "",
            copied=COPIED_FIELDS,
            **audit.step_values(self.actor),
            job_ids=ids,
            new_ids=new_ids,
        )
        words = list(map(replies.word, replies.array(reply)))
        for id_, new_id, word in zip(ids, new_ids, words, strict=True):
            if word == "done" and len(self.copies) < MAX_KNOWN_COPIES:
                self.copies[untrusted_fields.decode(id_)] = new_id
        return words, 0
