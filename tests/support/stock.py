"""Data of an RQ site without qctl: pickled jobs, dead ones, registered workers, damage."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

from redis import Redis
from rq.job import Job, JobStatus
from rq.queue import Queue
from rq.registry import FailedJobRegistry
from rq.results import Result
from rq.serializers import JSONSerializer

TRACEBACK = """Traceback (most recent call last):
  File "/srv/app/tasks.py", line 12, in send
    raise ValueError("no such address")
ValueError: no such address
"""


class Bomb:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __repr__(self) -> str:
        return "<Bomb>"

    def __reduce__(self) -> tuple[Any, ...]:
        return open, (str(self.path), "w")

    @property
    def went_off(self) -> bool:
        """True if somebody unpickled it."""
        return self.path.exists()

    def proves_itself(self) -> bool:
        """Check that unpickling it leaves a trace."""
        pickle.loads(pickle.dumps(self)).close()  # noqa: S301
        return self.went_off


def enqueue(connection: Redis, queue: str, job_id: str, *args: Any, json: bool = False, **options: Any) -> Job:
    """Enqueue `app.tasks.send(*args)`, pickled as stock RQ does, or as JSON."""
    serializer = JSONSerializer if json else None
    target = Queue(queue, connection=connection, serializer=serializer)
    return target.enqueue("app.tasks.send", args=args, job_id=job_id, **options)


def fill(connection: Redis, queue: str, count: int) -> list[str]:
    """Many small waiting jobs, made by hand because RQ takes its time. Returns their ids."""
    ids = [f"job-{n}" for n in range(count)]
    with connection.pipeline(transaction=False) as pipe:
        for start in range(0, count, 5000):
            step = ids[start : start + 5000]
            for id_ in step:
                pipe.hset(Job.key_for(id_), mapping={"status": "queued", "data": "x", "origin": queue})
            pipe.rpush(Queue(queue, connection=connection).key, *step)
            pipe.execute()
        pipe.sadd(Queue.redis_queues_keys, Queue(queue, connection=connection).key)
        pipe.execute()
    return ids


def die(connection: Redis, job: Job, traceback: str = TRACEBACK, ttl: int = 31_536_000) -> None:
    """Make a dead letter of a waiting job, as a stock worker does."""
    with connection.pipeline() as pipe:
        pipe.lrem(Queue.redis_queue_namespace_prefix + job.origin, 0, job.id)
        job.ended_at = job.enqueued_at
        job.set_status(JobStatus.FAILED, pipeline=pipe)
        registry = FailedJobRegistry(job.origin, connection=connection)
        registry.add(job, ttl=ttl, exc_string=traceback, pipeline=pipe)
        Result.create_failure(job, ttl, exc_string=traceback, pipeline=pipe)
        pipe.execute()


def waiting(connection: Redis, queue: str) -> list[str]:
    """The ids that wait in a queue, head first."""
    ids: list[bytes] = connection.lrange(Queue.redis_queue_namespace_prefix + queue, 0, -1)
    return [id_.decode(errors="surrogateescape") for id_ in ids]


def register_worker(connection: Redis, name: str, *queues: str, pid: int = 1, host: str = "h", **fields: str) -> None:
    """Register a worker, as a stock one does at its birth."""
    mapping = {
        "birth": "2026-01-01T00:00:00.000000Z",
        "last_heartbeat": "2026-01-01T00:00:10.000000Z",
        "queues": ",".join(queues),
        "pid": str(pid),
        "hostname": host,
        "state": "idle",
        **fields,
    }
    connection.sadd("rq:workers", f"rq:worker:{name}")
    connection.hset(f"rq:worker:{name}", mapping=mapping)
    for queue in queues:
        connection.sadd(f"rq:workers:{queue}", f"rq:worker:{name}")
