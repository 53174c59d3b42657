"""How a job becomes a dead letter: its fingerprint, the index of causes, and the burial of what never was a job.

A fingerprint names a cause: function, exception type, the message with its variable parts taken out, and the
innermost frame that is not a library's. Dead letters with one fingerprint can be looked at and retried together.
"""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Sequence
from typing import Any

from redis.client import Pipeline
from rq.job import Job, JobStatus
from rq.results import Result
from rq.serializers import JSONSerializer

from qctl.broker.bookkeeping import counters, events
from qctl.broker.redis import job_fields, keys
from qctl.broker.redis.scripts import Script

_bury = Script("bookkeeping/bury")

FOR_EVER = -1
"""RQ's time to live of a dead letter that nothing but a person removes."""

_VARIABLE = re.compile(r"0x[0-9a-fA-F]+|[0-9a-fA-F]{8}-[0-9a-fA-F-]{27}|'[^'\n]*'|\"[^\"\n]*\"|\d+(?:\.\d+)?")
_FRAME = re.compile(r'^  File "(?P<file>[^"\n]+)", line \d+, in (?P<function>\S+)', re.MULTILINE)
MAX_REASON = 300
"""Characters of a reason or message that are kept where it is repeated: in events and the index."""


def last_line(traceback: str) -> str:
    """The line of a traceback that says what went wrong."""
    lines = [line.strip() for line in traceback.splitlines() if line.strip()]
    return lines[-1] if lines else ""


def describe(function: str, traceback: str) -> dict[str, str]:
    """The parts of a fingerprint: function, exception, message (normalised), frame."""
    exception, _, message = last_line(traceback).partition(": ")
    frames = [m for m in _FRAME.finditer(traceback) if "site-packages" not in m["file"]]
    frame = f"{frames[-1]['file'].rsplit('/', 1)[-1]}:{frames[-1]['function']}" if frames else ""
    return {
        "function": function,
        "exception": exception.strip(),
        "message": _VARIABLE.sub("*", message)[:MAX_REASON],
        "frame": frame,
    }


def fingerprint(parts: dict[str, str]) -> str:
    """Twelve hexadecimal digits that name a cause."""
    joined = "\x1f".join(parts[name] for name in ("function", "exception", "message", "frame"))
    return hashlib.sha256(joined.encode(errors="replace")).hexdigest()[:12]


def index(pipe: Pipeline, queue: str, job_id: str, function: str, traceback: str, **event: str | int | None) -> None:
    """Enter a dead letter in the index of causes, with its event and count, in the pipeline that kills it."""
    parts = describe(function, traceback)
    name = fingerprint(parts)
    pipe.hset(keys.job(job_id), job_fields.FINGERPRINT, name)
    pipe.hsetnx(keys.causes(queue), name, json.dumps(parts))
    pipe.zadd(keys.cause(queue, name), {job_id: int(time.time() * 1000)})
    counters.bump(pipe, queue, "dead")
    events.record(pipe, "dead", queue=queue, job=job_id, reason=last_line(traceback)[:MAX_REASON], **event)


def bury(
    pipe: Pipeline, pipeline: str, queue: str, handler: str, args: Sequence[Any], reason: str, job_id: str
) -> None:
    """Make a dead letter of a message or row that no job of its own ever carried, and count it for its `pipeline`.

    It is a job like any other: `handler(*args)` runs it once somebody retries it. The same id twice is one letter.
    """
    parts = describe(handler, reason)
    name, moment = fingerprint(parts), time.time()
    hour, minute = divmod(int(moment) // 60, 60)
    fields = {job_fields.FINGERPRINT: name, **_job(pipe, queue, handler, args, job_id).to_dict()}
    result = Result(job_id, Result.Type.FAILED, pipe, exc_string=reason, serializer=JSONSerializer).serialize()
    shared = [keys.QUEUES, keys.causes(queue), keys.cause(queue, name), keys.counts(queue, hour), keys.EVENTS]
    known: list[Any] = [job_id, keys.queue(queue), name, json.dumps(parts), int(moment * 1000), f"{minute}.dead"]
    told: list[Any] = [counters.KEEP, events.CAP, queue, last_line(reason)[:MAX_REASON]]
    pairs = [part for pair in (*fields.items(), *result.items()) for part in pair]
    pipe.eval(
        _bury.body,
        9,
        *(keys.job(job_id), keys.failed(queue), keys.results(job_id), *shared, keys.ingest(pipeline)),
        *(*known, *told, len(fields), *pairs),
    )


def _job(pipe: Pipeline, queue: str, handler: str, args: Sequence[Any], job_id: str) -> Job:
    return Job.create(
        handler,
        args=list(args),
        id=job_id,
        origin=queue,
        connection=pipe,  # wanted only to be built: what is done goes through the pipeline
        serializer=JSONSerializer,
        status=JobStatus.FAILED,
        failure_ttl=FOR_EVER,
        timeout=180,
        description=f"{handler.rpartition('.')[2]}: rejected",
    )
