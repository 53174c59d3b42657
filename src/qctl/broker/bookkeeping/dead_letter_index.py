"""Records dead letters, and indexes them by cause.

A fingerprint identifies a cause: the function, the exception type, the message without its variable parts, and the
innermost frame outside of libraries. Dead letters with the same fingerprint can be listed and retried together.
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

_add_rejected = Script("bookkeeping/add_rejected")

NEVER_EXPIRES_TTL = -1
"""RQ's TTL of a dead letter that only a person, or QCTL_KEEP_FAILED, removes."""

_VARIABLE = re.compile(r"0x[0-9a-fA-F]+|[0-9a-fA-F]{8}-[0-9a-fA-F-]{27}|'[^'\n]*'|\"[^\"\n]*\"|\d+(?:\.\d+)?")
_FRAME = re.compile(r'^  File "(?P<file>[^"\n]+)", line \d+, in (?P<function>\S+)', re.MULTILINE)
MAX_REASON_CHARACTERS = 300
"""Maximum length of a reason or message in events and in the index; the rest is cut off."""


def last_line(traceback: str) -> str:
    """The last line of a traceback that is not empty: the exception and its message."""
    lines = [line.strip() for line in traceback.splitlines() if line.strip()]
    return lines[-1] if lines else ""


def describe_cause(function: str, traceback: str) -> dict[str, str]:
    """The parts of a fingerprint: function, exception, normalised message, frame."""
    exception, _, message = last_line(traceback).partition(": ")
    frames = [m for m in _FRAME.finditer(traceback) if "site-packages" not in m["file"]]
    frame = f"{frames[-1]['file'].rsplit('/', 1)[-1]}:{frames[-1]['function']}" if frames else ""
    return {
        "function": function,
        "exception": exception.strip(),
        "message": _VARIABLE.sub("*", message)[:MAX_REASON_CHARACTERS],
        "frame": frame,
    }


def fingerprint(parts: dict[str, str]) -> str:
    """The fingerprint of a cause: twelve hexadecimal digits."""
    joined = "\x1f".join(parts[name] for name in ("function", "exception", "message", "frame"))
    return hashlib.sha256(joined.encode(errors="replace")).hexdigest()[:12]


def add(pipe: Pipeline, queue: str, job_id: str, function: str, traceback: str, **event: str | int | None) -> None:
    """Add a dead letter to the index, with its event and count, in the pipeline that makes the job a dead letter."""
    parts = describe_cause(function, traceback)
    name = fingerprint(parts)
    pipe.hset(keys.job(job_id), job_fields.FINGERPRINT, name)
    pipe.hsetnx(keys.causes(queue), name, json.dumps(parts))
    pipe.zadd(keys.cause(queue, name), {job_id: int(time.time() * 1000)})
    counters.increment(pipe, queue, "dead")
    events.record(pipe, "dead", queue=queue, job=job_id, reason=last_line(traceback)[:MAX_REASON_CHARACTERS], **event)


def add_rejected(
    pipe: Pipeline, pipeline: str, queue: str, handler: str, args: Sequence[Any], reason: str, job_id: str
) -> None:
    """Record a message or row that was rejected as a dead letter of its own, and count it for its `pipeline`.

    The dead letter is a normal job, which runs `handler(*args)` when it is retried. A second call with the same id
    changes nothing.
    """
    parts = describe_cause(handler, reason)
    name, moment = fingerprint(parts), time.time()
    hour, minute = divmod(int(moment) // 60, 60)
    fields = {job_fields.FINGERPRINT: name, **_job(pipe, queue, handler, args, job_id).to_dict()}
    result = Result(job_id, Result.Type.FAILED, pipe, exc_string=reason, serializer=JSONSerializer).serialize()
    _add_rejected.stage(
        pipe,
        job=keys.job(job_id),
        failed=keys.failed(queue),
        results=keys.results(job_id),
        queues=keys.QUEUES,
        causes=keys.causes(queue),
        letters=keys.cause(queue, name),
        counts=keys.counts(queue, hour),
        ingest=keys.ingest(pipeline),
        events=keys.EVENTS,
        job_id=job_id,
        queue=queue,
        queue_key=keys.queue(queue),
        fingerprint=name,
        cause=json.dumps(parts),
        now_ms=int(moment * 1000),
        count_field=f"{minute}.dead",
        counts_ttl=counters.RETENTION_SECONDS,
        max_events=events.MAX_ENTRIES,
        reason=last_line(reason)[:MAX_REASON_CHARACTERS],
        fields=[part for pair in fields.items() for part in pair],
        result=[part for pair in result.items() for part in pair],
    )


def _job(pipe: Pipeline, queue: str, handler: str, args: Sequence[Any], job_id: str) -> Job:
    return Job.create(
        handler,
        args=list(args),
        id=job_id,
        origin=queue,
        connection=pipe,  # the constructor requires one; no command is sent through it
        serializer=JSONSerializer,
        status=JobStatus.FAILED,
        failure_ttl=NEVER_EXPIRES_TTL,
        timeout=180,
        description=f"{handler.rpartition('.')[2]}: rejected",
    )
