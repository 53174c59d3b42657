"""Bringing orphans back: each to the tail of its queue, where it is nowhere else by then."""

from __future__ import annotations

from collections.abc import Iterable

from redis import Redis
from rq.utils import now, utcformat

from qctl.broker.bookkeeping import events
from qctl.broker.query import job_locations
from qctl.broker.query.orphans import Orphan
from qctl.broker.redis import keys, untrusted_fields
from qctl.broker.redis.scripts import Argument, Script

_adopt = Script("admin/adopt", after="redis/types")


def adopt(connection: Redis, orphans: Iterable[Orphan], *, actor: str) -> int:
    """Enqueue these again. Returns how many: what has come to its place meanwhile is left alone."""
    return sum(_one(connection, orphan, actor) for orphan in orphans)


def _one(connection: Redis, orphan: Orphan, actor: str) -> int:
    id_, queue = untrusted_fields.decode(orphan.id), orphan.queue
    held = [keys.job(id_), keys.queue(queue), keys.intermediate(queue), keys.claims(queue), keys.scheduled(queue)]
    others = [keys.executions(id_), keys.quarantine(queue), keys.QUEUES, keys.EVENTS]
    args: list[Argument] = [
        id_,
        queue,
        orphan.state,
        utcformat(now()),
        actor,
        events.MAX_ENTRIES,
        job_locations.NEAR,
    ]
    return int(_adopt(connection, [*held, *others], args))


def forget_dead_workers(connection: Redis, gone: Iterable[bytes]) -> int:
    """Take workers out of the lists of workers that have no heartbeat any more. Returns how many."""
    names = list(gone)
    if not names:
        return 0
    with connection.pipeline() as pipe:
        pipe.srem(keys.WORKERS, *names)
        for queue in connection.smembers(keys.QUEUES):
            pipe.srem(keys.queue_workers(keys.queue_name(queue)), *names)
        removed, *_ = pipe.execute()
    return int(removed)
