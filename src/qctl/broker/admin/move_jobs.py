"""Taking jobs out of where they are and putting them elsewhere: canceled, into the trash, into another queue.

Each is an act that `bulk.run` runs in steps of one script call each.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from redis import Redis

from qctl.broker.admin import rate_limit_slots
from qctl.broker.admin.trash import Batch
from qctl.broker.bookkeeping import events
from qctl.broker.query import job_locations
from qctl.broker.redis import job_fields, keys, untrusted_fields
from qctl.broker.redis.scripts import Argument, Script
from qctl.models import MOVABLE_STATES, State


class Relocation(ABC):
    """What the acts have in common. `actor` signs their events."""

    states: ClassVar[tuple[State, ...]]
    """Where jobs may be that it is done to."""

    step = 200
    """Jobs a script call takes: less than 1 ms, and one look through the nearer half of a list."""

    batch: str | None = None
    """What it put into the trash together."""

    _script: ClassVar[Script]

    def __init__(self, actor: str) -> None:
        self.actor = actor

    @abstractmethod
    def _own(self, queue: str, state: State) -> tuple[list[str], list[Argument]]:
        """KEYS and ARGV of the script's own."""

    def __call__(
        self, connection: Redis, queue: str, state: State, ids: Sequence[bytes], positions: Sequence[int]
    ) -> tuple[list[str], int]:
        """Do it to these jobs. Returns a word for each, and by how many places the waiting have moved up."""
        own_keys, own = self._own(queue, state)
        pairs = [part for n, id_ in enumerate(ids) for part in (id_, positions[n] if positions else "")]
        common: list[Argument] = [
            queue,
            state,
            self.actor,
            events.MAX_ENTRIES,
            keys.JOB_PREFIX,
            job_fields.FINGERPRINT,
            keys.cause(queue, ""),
            keys.counts_prefix(queue),
        ]
        where = [
            job_locations.key(state, queue),
            keys.recoveries(queue),
            keys.claims(queue),
            keys.intermediate(queue),
            keys.causes(queue),
            keys.EVENTS,
        ]
        *words, shift = self._script(
            connection, [*where, *own_keys], [*common, len(common) + len(own) + 2, *own, *pairs]
        )
        said = [untrusted_fields.decode(word) for word in words]
        for id_, word in zip(ids, said, strict=True):
            if word == "limited":
                rate_limit_slots.release(connection, untrusted_fields.decode(id_))
        return ["done" if word == "limited" else word for word in said], int(shift)


class Cancel(Relocation):
    """Cancel jobs that wait, are scheduled or deferred. They stay in RQ's registry of canceled jobs."""

    states = ("queued", "scheduled", "deferred")
    _script = Script("admin/cancel", after=("redis/types", "admin/take_jobs"))

    def _own(self, queue: str, _state: State) -> tuple[list[str], list[Argument]]:
        return [keys.canceled(queue)], []


class Discard(Relocation):
    """Put jobs into the trash, wherever they are, unless they run: one batch a queue, which belong together by name."""

    states = ("queued", "scheduled", "deferred", "finished", "failed", "canceled", "quarantined")
    _script = Script("admin/discard", after=("redis/types", "admin/take_jobs"))

    def __init__(self, actor: str, batch: Batch) -> None:
        super().__init__(actor)
        self.batch = batch.name
        self._batch = batch

    def _own(self, queue: str, _state: State) -> tuple[list[str], list[Argument]]:
        name = self._batch.of(queue)
        own: list[Argument] = [name, job_fields.TRASH_BATCH, self._batch.expires, *self._batch.record(queue)]
        return [keys.trash_jobs(name), keys.trash(name), keys.TRASH, keys.trash_origins(name)], own


class Move(Relocation):
    """Move jobs to another queue, into the state that they are in. Waiting ones go to its tail."""

    states = MOVABLE_STATES
    _script = Script("admin/move", after=("redis/types", "admin/take_jobs"))

    def __init__(self, actor: str, target: str) -> None:
        super().__init__(actor)
        self.target = target

    def _own(self, _queue: str, state: State) -> tuple[list[str], list[Argument]]:
        target = self.target
        own: list[Argument] = [target, keys.queue(target), job_fields.MOVED_FROM, keys.cause(target, "")]
        return [job_locations.key(state, target), keys.causes(target), keys.QUEUES], own
