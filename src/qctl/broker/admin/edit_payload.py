"""Editing what a job is called with. The payload it had before the first edit is kept in its hash, and can come back.

Only JSON payloads can be edited: a pickled one would have to be unpickled to be understood, which runs code.
"""

from __future__ import annotations

import json
import zlib
from typing import Any

from redis import Redis
from rq.utils import get_call_string

from qctl.broker.bookkeeping import events
from qctl.broker.redis import clock, job_fields, keys, untrusted_fields
from qctl.broker.redis.scripts import Script
from qctl.errors import NotFoundError, RefusedError, UsageError
from qctl.models import EditablePayload

_PARTS = ("function", "args", "kwargs")

_edit = Script("admin/edit", after="redis/types")

_REFUSALS = {
    "changed": "somebody else edited it meanwhile",
    "absent": "it is not there any more",
    "started": "it runs",
    "finished": "it has finished",
}


def read(connection: Redis, job_id: str) -> EditablePayload:
    """The payload of a job. Raises NotFoundError, and RefusedError where it cannot be edited."""
    data, origin, status, original = connection.hmget(
        keys.job(job_id), ["data", "origin", "status", job_fields.ORIGINAL_DATA]
    )
    if data is None:
        raise NotFoundError(f"there is no job {job_id} with a payload", hint="qctl job list")
    return EditablePayload(
        id=job_id,
        queue=untrusted_fields.decode(origin),
        status=untrusted_fields.decode(status),
        text=_shown(_parsed(data, job_id)),
        raw=data,
        original=None if original is None else _shown(_parsed(original, job_id)),
    )


def write(connection: Redis, job: EditablePayload, text: str, *, actor: str) -> bool:
    """Give a job that was read this payload, `{function, args, kwargs}` as JSON; what it leaves out stays as it is.

    Returns False where it means the same. Raises UsageError where it is malformed, and RefusedError where the job runs,
    has run, or was edited by somebody else meanwhile.
    """
    before = json.loads(job.text)
    after = {**before, **_checked(text)}
    if after == before:
        return False
    payload = json.dumps([after["function"], None, after["args"], after["kwargs"]]).encode()
    note = f"{actor} {clock.to_datetime(clock.now_ms(connection)):%Y-%m-%dT%H:%M:%SZ}"
    _send(connection, job, zlib.compress(payload), after, note, actor)
    return True


def revert(connection: Redis, job: EditablePayload, *, actor: str) -> None:
    """Give a job that was read the payload it had before the first edit. Raises RefusedError where nobody edited it."""
    raw = connection.hget(keys.job(job.id), job_fields.ORIGINAL_DATA)
    if raw is None or job.original is None:
        raise RefusedError(f"job {job.id} was never edited")
    _send(connection, job, raw, json.loads(job.original), "", actor)


def _send(connection: Redis, job: EditablePayload, data: bytes, parts: dict[str, Any], note: str, actor: str) -> None:
    call = get_call_string(parts["function"], parts["args"], parts["kwargs"], max_length=75) or ""
    answer = untrusted_fields.decode(
        _edit(
            connection,
            [keys.job(job.id), keys.claims(job.queue), keys.EVENTS],
            [
                job.id,
                job.queue,
                job.raw,
                data,
                call,
                job_fields.ORIGINAL_DATA,
                job_fields.EDITED_AT,
                note,
                actor,
                events.MAX_ENTRIES,
            ],
        )
    )
    if answer != "done":
        raise RefusedError(f"job {job.id} was not edited: {_REFUSALS.get(answer, f'it is {answer}')}")


def _parsed(data: bytes, job_id: str) -> dict[str, Any]:
    """The parts of a payload. Raises RefusedError where it is not JSON as RQ writes it."""
    inflated, whole = untrusted_fields.inflate(data)
    if not whole:
        raise RefusedError(
            f"job {job_id} cannot be edited: its payload is larger than {untrusted_fields.MAX_FIELD_BYTES:,} bytes"
        )
    try:
        function, instance, args, kwargs = json.loads(inflated.decode())
    except (ValueError, TypeError, RecursionError):
        raise RefusedError(
            f"job {job_id} cannot be edited: its payload is not JSON, and never unpickled",
            hint="enqueue it anew from the application, and discard this one",
        ) from None
    if instance is not None or not isinstance(function, str):
        raise RefusedError(f"job {job_id} cannot be edited: it calls a method of an object")
    return {"function": function, "args": args, "kwargs": kwargs}


def _shown(parts: dict[str, Any]) -> str:
    return json.dumps(parts, indent=2, ensure_ascii=False)


def _checked(text: str) -> dict[str, Any]:
    """What somebody wrote. Raises UsageError naming what is wrong with it, and where."""
    try:
        parts = json.loads(text, parse_constant=_refuse_constant)
    except RecursionError:
        raise UsageError("the payload is nested too deeply") from None
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise UsageError(f"the payload is not JSON: {error.msg} at {where}") from None
    if not isinstance(parts, dict):
        raise UsageError("the payload is not an object", 'write it like {"args": [1], "kwargs": {"to": "a@b.c"}}')
    unknown = parts.keys() - set(_PARTS)
    if unknown:
        raise UsageError(f"the payload has {min(unknown)!r}, which is none of {', '.join(_PARTS)}")
    for name, kind, what in (("function", str, "text"), ("args", list, "a list"), ("kwargs", dict, "an object")):
        if name in parts and (not isinstance(parts[name], kind) or (name == "function" and not parts[name])):
            raise UsageError(f"{name} of the payload is not {what}")
    if len(text) > untrusted_fields.MAX_FIELD_BYTES:
        raise UsageError(f"the payload is larger than {untrusted_fields.MAX_FIELD_BYTES:,} characters")
    return parts


def _refuse_constant(name: str) -> None:
    raise UsageError(f"the payload is not JSON: it has {name}")
