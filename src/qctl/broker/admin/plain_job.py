"""Creates a plain RQ job for stock workers: a function by its dotted path, with plain arguments.

The payload is JSON, or a pickle of the same plain values if the workers of the queue read pickles. Nothing is imported
and nothing is unpickled.
"""

from __future__ import annotations

import json
import pickle
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from redis import Redis
from rq.job import Job
from rq.queue import Queue

from qctl.broker.bookkeeping import events
from qctl.broker.query import job_locations
from qctl.broker.redis import keys, replies, untrusted_fields
from qctl.errors import UsageError
from qctl.models import State

PICKLE_PROTOCOL = 4
"""Version of pickles that every Python from 3.4 reads."""

SAMPLED_JOBS = 5
"""Jobs of each state whose payloads show what the workers of a queue read."""

_SAMPLED_STATES: tuple[State, ...] = ("queued", "started", "finished", "failed", "scheduled", "deferred")

_FUNCTION = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)+")


class _Json:
    """RQ's JSON serializer, for plain values."""

    @staticmethod
    def dumps(value: Any) -> bytes:
        return json.dumps(value).encode()

    @staticmethod
    def loads(_data: bytes) -> Any:
        raise NotImplementedError("payloads are written here, not read")


class _Pickle(_Json):
    """RQ's default serializer, for plain values."""

    @staticmethod
    def dumps(value: Any) -> bytes:
        return pickle.dumps(value, protocol=PICKLE_PROTOCOL)


def has_pickles(connection: Redis, queue: str) -> bool | None:
    """Tell whether the jobs of a queue are pickled, by the first byte of some payloads. None if there are no jobs."""
    with connection.pipeline(transaction=False) as pipe:
        for state in _SAMPLED_STATES:
            job_locations.stage_first_ids(pipe, state, queue, SAMPLED_JOBS)
        answers = replies.execute(pipe)
    ids = [
        untrusted_fields.decode(raw_id)
        for state, answer in zip(_SAMPLED_STATES, answers, strict=True)
        for raw_id in job_locations.parse_first_ids(state, answer)
    ]
    with connection.pipeline(transaction=False) as pipe:
        for job_id in ids:
            pipe.hget(keys.job(job_id), "data")
        payloads = [replies.optional_bytes(reply) for reply in replies.execute(pipe)]
    first_bytes = [untrusted_fields.inflate(payload, 1)[0] for payload in payloads if payload]
    return any(byte == b"\x80" for byte in first_bytes) if any(first_bytes) else None


def enqueue(
    connection: Redis,
    queue: str,
    function: str,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    *,
    at: datetime | None = None,
    pickled: bool,
    max_bytes: int,
) -> str:
    """Enqueue a plain job, now or `at` a time. Returns its id. Raises UsageError, also if its payload is larger than
    `max_bytes`."""
    if not _FUNCTION.fullmatch(function):
        raise UsageError(f"{function!r} is not the dotted path of a function", "example: tasks.add")
    serializer = _Pickle if pickled else _Json
    size = len(serializer.dumps([function, None, args, kwargs]))
    if size > max_bytes:
        raise UsageError(
            f"job {function}: its arguments are {size} bytes, more than {max_bytes} (QCTL_MAX_JOB_BYTES)",
            "put the data in a file and name the file in the arguments",
        )
    target = Queue(queue, connection=connection, serializer=serializer)
    job: Job
    if at is None:
        job = target.enqueue_call(function, args=tuple(args), kwargs=dict(kwargs))
    else:
        job = target.enqueue_at(at, function, args=tuple(args), kwargs=dict(kwargs))
    events.record(connection, "created", queue=queue, job=job.id, actor=events.actor())
    return job.id
