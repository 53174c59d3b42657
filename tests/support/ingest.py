"""Items of a pipeline at every stage, read from Redis."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from redis import Redis
from redis.client import Pipeline
from rq.job import Job, JobStatus
from rq.registry import FailedJobRegistry
from rq.serializers import JSONSerializer

from qctl.broker.bookkeeping.reject_records import Reject, RejectLimits, add_rejected
from qctl.broker.redis import keys
from qctl.catalog import PIPELINES


def items(connection: Redis, pipeline: str = "readings") -> list[dict[str, Any]]:
    """Every item that waits, in the buffer or in a batch, in no order. An item that is there twice is listed twice."""
    # In one packet, which Redis answers at one moment: a batch may be cut meanwhile. It refuses MULTI while it is full.
    with connection.pipeline(transaction=False) as pipe:
        pipe.lrange(keys.buffer(pipeline), 0, -1)
        pipe.lrange(keys.queue(PIPELINES[pipeline].queue), 0, -1)
        buffered, job_ids = pipe.execute()
    found = [json.loads(item) for item in buffered]
    for job_id in job_ids:
        found += Job.fetch(job_id.decode(), connection=connection, serializer=JSONSerializer).args[0]
    return found


def unwritten(connection: Redis, pipeline: str = "readings") -> list[dict[str, Any]]:
    """Every item in the buffer, or in a batch job that has neither ended nor failed, wherever that job is.

    An item that is there twice is listed twice, and so is one that is cut into a batch meanwhile.
    """
    found = [json.loads(item) for item in connection.lrange(keys.buffer(pipeline), 0, -1)]
    batches = [key.decode() for key in connection.scan_iter(keys.job(f"{pipeline}-*"), count=1000)]
    ids = [key.removeprefix(keys.job("")) for key in batches]
    for job in Job.fetch_many(ids, connection=connection, serializer=JSONSerializer):
        if job and job.get_status(refresh=False) not in (JobStatus.FINISHED, JobStatus.FAILED):
            found += job.args[0]
    return found


def letters(connection: Redis, pipeline: str = "readings") -> list[Job]:
    """The dead letters of a pipeline's queue, in no order."""
    name = PIPELINES[pipeline].queue
    registry = FailedJobRegistry(name, connection=connection, serializer=JSONSerializer)
    ids = registry.get_job_ids(cleanup=False)
    return [job for job in Job.fetch_many(ids, connection=connection, serializer=JSONSerializer) if job]


def reason(letter: Job) -> str:
    """Why a dead letter is one."""
    result = letter.latest_result()
    found = letter._exc_info if result is None else result.exc_string
    assert found is not None, f"{letter.id} has no reason"
    return str(found)


def stage_letter(
    pipe: Pipeline, queue: str, handler: str, args: Sequence[Any], problem: str, job_id: str, pipeline: str = "readings"
) -> None:
    """Stage a dead letter of `queue` as qctl records a rejected item, whatever the number of those before it."""
    reject = Reject(job_id, tuple(args), problem)
    add_rejected(pipe, pipeline, queue, handler, reject, RejectLimits(samples=1_000_000, percent=50))
