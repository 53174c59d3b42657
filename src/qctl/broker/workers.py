"""The workers that are registered in Redis and live. Writes nothing: RQ's own list removes what it finds dead."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from redis import Redis

from qctl.broker import clock, inspection, keys, replies
from qctl.broker.snapshot import is_alive
from qctl.models import WorkerInfo

_FIELDS = ("birth", "death", "queues", "state", "hostname", "pid", "current_job", "last_heartbeat")


def living(connection: Redis) -> list[WorkerInfo]:
    """Every worker whose heartbeat goes on, by name."""
    return [worker for _, worker in _living(connection)]


def listening(connection: Redis, queues: Collection[str]) -> list[WorkerInfo]:
    """The living workers that take from any of these queues."""
    with connection.pipeline(transaction=False) as pipe:
        for queue in queues:
            pipe.smembers(keys.queue_workers(queue))
        registered = {key for reply in replies.ask(pipe) for key in replies.granted(reply, set())}
    # Both are asked: a name with a comma in it is lost in the worker's own list.
    return [
        worker for key, worker in _living(connection) if key in registered or not set(queues).isdisjoint(worker.queues)
    ]


def _living(connection: Redis) -> list[tuple[bytes, WorkerInfo]]:
    with connection.pipeline(transaction=False) as pipe:
        pipe.time()
        pipe.smembers(keys.WORKERS)
        pipe.zrange(keys.LEASES, 0, -1, withscores=True)
        time, registered, leases = replies.ask(pipe)
    now = clock.milliseconds(time)
    claimants = [inspection.text(name) for name, ends in replies.granted(leases, []) if ends > now]
    found = sorted(replies.granted(registered, set()))
    with connection.pipeline(transaction=False) as pipe:
        for key in found:
            pipe.hmget(key, _FIELDS)
        answers = [replies.granted(reply, [None] * len(_FIELDS)) for reply in replies.ask(pipe)]
    return [
        (key, _worker(key, fields, claimants))
        for key, fields in zip(found, answers, strict=True)
        if is_alive(fields[:2])
    ]


def _worker(key: bytes, fields: Sequence[bytes | None], claimants: Sequence[str]) -> WorkerInfo:
    _, _, queues, state, host, pid, job, heartbeat = fields
    name, number = inspection.text(host), inspection.whole_number(pid)
    return WorkerInfo(
        name=inspection.text(key).removeprefix(keys.WORKER_PREFIX),
        queues=[queue for queue in inspection.text(queues).split(",") if queue],
        state=inspection.text(state) or "?",
        host=name,
        pid=number,
        current_job=inspection.text(job) or None,
        last_heartbeat=inspection.when(heartbeat),
        honours_pause=number is not None and any(c.startswith(f"{name}.{number}.") for c in claimants),
    )
