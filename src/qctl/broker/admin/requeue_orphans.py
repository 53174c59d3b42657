"""Puts orphans back to the tails of their queues, if they are nowhere else by then, and deregisters dead workers."""

from __future__ import annotations

from collections.abc import Iterable

from redis import Redis
from rq.utils import now, utcformat

from qctl.broker.bookkeeping import audit
from qctl.broker.query import job_locations
from qctl.broker.query.orphans import Orphan
from qctl.broker.redis import keys, replies, untrusted_fields
from qctl.broker.redis.scripts import Script

_requeue_orphan = Script("admin/requeue_orphan", after=("redis/types", "bookkeeping/step"))


def requeue(connection: Redis, orphans: Iterable[Orphan], *, actor: str) -> int:
    """Enqueue these jobs again. Returns how many: a job that has found its location meanwhile is left alone."""
    return sum(_requeue_one(connection, orphan, actor) for orphan in orphans)


def _requeue_one(connection: Redis, orphan: Orphan, actor: str) -> int:
    id_, queue = untrusted_fields.decode(orphan.id), orphan.queue
    reply = _requeue_orphan(
        connection,
        job=keys.job(id_),
        waiting=keys.queue(queue),
        intermediate=keys.intermediate(queue),
        claims=keys.claims(queue),
        scheduled=keys.scheduled(queue),
        executions=keys.executions(id_),
        quarantine=keys.quarantine(queue),
        queues=keys.QUEUES,
        job_id=id_,
        queue=queue,
        status=orphan.state,
        now=utcformat(now()),
        **audit.step_values(actor),
        maxlen=job_locations.LPOS_MAXLEN,
    )
    return replies.integer(reply)


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


def list_queues(connection: Redis, names: Iterable[str]) -> None:
    """Add queues to RQ's set of queues."""
    queue_keys = [untrusted_fields.encode(keys.queue(name)) for name in names]
    if queue_keys:
        connection.sadd(keys.QUEUES, *queue_keys)
