"""Puts orphans back to the tails of their queues, if they are nowhere else by then, and deregisters dead workers."""

from __future__ import annotations

from collections.abc import Iterable

from redis import Redis
from rq.utils import now, utcformat

from qctl.broker.bookkeeping import events
from qctl.broker.query import job_locations
from qctl.broker.query.orphans import Orphan
from qctl.broker.redis import keys, replies, untrusted_fields
from qctl.broker.redis.scripts import Argument, Script

_requeue_orphan = Script("admin/requeue_orphan", after="redis/types")


def requeue(connection: Redis, orphans: Iterable[Orphan], *, actor: str) -> int:
    """Enqueue these jobs again. Returns how many: a job that has found its location meanwhile is left alone."""
    return sum(_requeue_one(connection, orphan, actor) for orphan in orphans)


def _requeue_one(connection: Redis, orphan: Orphan, actor: str) -> int:
    id_, queue = untrusted_fields.decode(orphan.id), orphan.queue
    names = [keys.job(id_), keys.queue(queue), keys.intermediate(queue), keys.claims(queue), keys.scheduled(queue)]
    names += [keys.executions(id_), keys.quarantine(queue), keys.QUEUES, keys.EVENTS]
    args: list[Argument] = [id_, queue, orphan.state, utcformat(now()), actor, events.MAX_ENTRIES]
    return int(_requeue_orphan(connection, names, [*args, job_locations.LPOS_MAXLEN]))


def deregister_workers(connection: Redis, gone: Iterable[bytes]) -> int:
    """Remove workers without a heartbeat from RQ's sets of workers. Returns how many."""
    names = list(gone)
    if not names:
        return 0
    with connection.pipeline() as pipe:
        pipe.srem(keys.WORKERS, *names)
        for queue in replies.bytes_set(connection.smembers(keys.QUEUES)):
            pipe.srem(keys.queue_workers(keys.queue_name(queue)), *names)
        removed, *_ = pipe.execute()
    return replies.integer(removed)
