"""Records dead letters, and indexes them by cause.

A fingerprint identifies a cause: the function, the exception type, the message without its variable parts, and the
innermost frame outside of libraries. Dead letters with the same fingerprint can be listed and retried together.
"""

from __future__ import annotations

import hashlib
import json
import re
import time

from redis.client import Pipeline

from qctl.broker.bookkeeping import budgets, counters, events
from qctl.broker.redis import job_fields, keys

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
    budgets.charge_letter(pipe, queue, job_id, traceback)
    events.record(pipe, "dead", queue=queue, job=job_id, reason=last_line(traceback)[:MAX_REASON_CHARACTERS], **event)
