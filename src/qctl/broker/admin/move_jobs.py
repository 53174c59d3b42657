"""Takes jobs out of their location and puts them elsewhere: cancels them, discards or moves them.

Each is an action of `bulk.run`, which calls its script for a few jobs at a time.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

from redis import Redis

from qctl.broker.admin import queue_values, rate_limit_slots, repair_leftovers
from qctl.broker.admin.trash import UNFINISHED_FIELD, Batch
from qctl.broker.bookkeeping import audit
from qctl.broker.query import job_locations
from qctl.broker.redis import job_fields, keys, replies, untrusted_fields
from qctl.broker.redis.scripts import Script
from qctl.models import MOVABLE_STATES, State

_PARTS = ("redis/types", "admin/count_removed", "bookkeeping/step", "admin/take_jobs")
"""Beginning of the scripts."""


class Relocation(ABC):
    """Base of the actions. `actor` signs their events."""

    states: ClassVar[tuple[State, ...]]
    """States of jobs that the action applies to."""

    jobs_per_call = 200
    """Jobs that a script call takes, in less than 1 ms and one pass over the nearer half of a list."""

    batch: str | None = None
    """Trash batch into which the action puts jobs."""

    _script: ClassVar[Script]

    def __init__(self, actor: str) -> None:
        self.actor = actor

    def _after_limited(self, connection: Redis, job_id: str) -> None:
        """Treat the slot of a job with a rate limit: one that will not run releases it."""
        rate_limit_slots.release(connection, job_id)

    @abstractmethod
    def _values(self, queue: str, state: State) -> dict[str, Any]:
        """Return the values that the action's own script declares."""

    def __call__(
        self, connection: Redis, queue: str, state: State, ids: Sequence[bytes], positions: Sequence[int]
    ) -> tuple[list[str], int]:
        """Relocate these jobs. Returns a word for each, and by how many places the waiting ones have moved up.

        Started jobs are those that their worker left: each becomes a dead letter first.
        """
        if state == "started":
            repair_leftovers.end_abandoned(connection, queue, ids, actor=self.actor)
            state = "failed"
        reply = self._script(
            connection,
            location=job_locations.key(state, queue),
            recoveries=keys.recoveries(queue),
            claims=keys.claims(queue),
            intermediate=keys.intermediate(queue),
            causes=keys.causes(queue),
            queue=queue,
            state=state,
            **audit.step_values(self.actor),
            job_prefix=keys.JOB_PREFIX,
            fingerprint_field=job_fields.FINGERPRINT,
            cause_prefix=keys.cause(queue, ""),
            counts_prefix=keys.counts_prefix(queue),
            job_ids=ids,
            positions=positions,
            **self._values(queue, state),
        )
        *answers, shift = replies.array(reply)
        words = list(map(replies.word, answers))
        for id_, word in zip(ids, words, strict=True):
            if word == "limited":
                self._after_limited(connection, untrusted_fields.decode(id_))
        return ["done" if word == "limited" else word for word in words], replies.integer(shift)


class Cancel(Relocation):
    """Cancel jobs that wait, are scheduled or deferred. They stay in RQ's registry of canceled jobs."""

    states = ("queued", "scheduled", "deferred")
    _script = Script("admin/cancel", after=_PARTS)

    def _values(self, queue: str, _state: State) -> dict[str, Any]:
        return {"canceled": keys.canceled(queue), "changed_field": job_fields.CHANGED_AT}


class Release(Relocation):
    """Enqueue deferred jobs without waiting for their dependencies."""

    states = ("deferred",)
    _script = Script("admin/release", after=(*_PARTS, "admin/leave_dependencies", "admin/put_in_queue"))

    def __init__(self, actor: str, connection: Redis) -> None:
        super().__init__(actor)
        self._redis = connection

    def _values(self, queue: str, _state: State) -> dict[str, Any]:
        return {
            "waiting": keys.queue(queue),
            **queue_values.dependency_values(),
            **queue_values.values(self._redis),
        }

    def _after_limited(self, connection: Redis, job_id: str) -> None:
        rate_limit_slots.acquire(connection, job_id)


class Discard(Relocation):
    """Put jobs that do not run into the trash: one batch for each queue, which share a name."""

    states = ("queued", "scheduled", "deferred", "finished", "failed", "canceled", "quarantined")
    _script = Script("admin/discard", after=_PARTS)

    def __init__(self, actor: str, batch: Batch) -> None:
        super().__init__(actor)
        self.batch = batch.name
        self._batch = batch

    def _values(self, queue: str, _state: State) -> dict[str, Any]:
        batch_id = self._batch.id_for(queue)
        return {
            "batch_jobs": keys.trash_jobs(batch_id),
            "batch": keys.trash(batch_id),
            "batches": keys.TRASH,
            "origins": keys.trash_origins(batch_id),
            "batch_id": batch_id,
            "batch_field": job_fields.TRASH_BATCH,
            "changed_field": job_fields.CHANGED_AT,
            "expires_ms": self._batch.expires_ms,
            "batch_record": self._batch.record(queue),
            "unfinished_field": UNFINISHED_FIELD,
        }


class Move(Relocation):
    """Move jobs to another queue, into the state that they are in. Waiting ones go to its tail."""

    states = MOVABLE_STATES
    _script = Script("admin/move", after=_PARTS)

    def __init__(self, actor: str, target: str) -> None:
        super().__init__(actor)
        self.target = target

    def _values(self, _queue: str, state: State) -> dict[str, Any]:
        return {
            "target_location": job_locations.key(state, self.target),
            "target_causes": keys.causes(self.target),
            "queues": keys.QUEUES,
            "target": self.target,
            "target_key": keys.queue(self.target),
            "moved_from_field": job_fields.MOVED_FROM,
            "target_cause_prefix": keys.cause(self.target, ""),
        }
