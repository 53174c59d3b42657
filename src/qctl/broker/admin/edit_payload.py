"""Edits the payload of a job: its function and arguments. The hash keeps the payload before the first edit, for revert.

Only JSON payloads can be edited: a pickled one would have to be unpickled, which runs code.
"""

from __future__ import annotations

import json
import zlib
from typing import Any

from redis import Redis
from rq.utils import get_call_string

from qctl.broker.bookkeeping import events
from qctl.broker.redis import clock, job_fields, keys, replies, untrusted_fields
from qctl.broker.redis.scripts import Script
from qctl.errors import NotFoundError, RefusedError, UsageError
from qctl.models import EditablePayload

_PARTS = ("function", "args", "kwargs")

_edit = Script("admin/edit", after="redis/types")

_REASONS = {
    "changed": "somebody else edited it meanwhile",
    "absent": "it is not there any more",
    "started": "it runs",
    "finished": "it has finished",
}


def read(connection: Redis, job_id: str) -> EditablePayload:
    """Return the payload of a job. Raises NotFoundError, and RefusedError if it cannot be edited."""
    fields = connection.hmget(keys.job(job_id), ["data", "origin", "status", job_fields.ORIGINAL_DATA])
    data, origin, status, original = replies.field_values(fields, 4)
    if data is None:
        raise NotFoundError(f"job {job_id!r} not found, or it has no payload", hint="qctl job list")
    return EditablePayload(
        id=job_id,
        queue=untrusted_fields.decode(origin),
        status=untrusted_fields.decode(status),
        text=_format(_parse_stored(data, job_id)),
        raw=data,
        original=None if original is None else _format(_parse_stored(original, job_id)),
    )


def write(connection: Redis, job: EditablePayload, text: str, *, actor: str) -> bool:
    """Give a job a new payload, `{function, args, kwargs}` as JSON. Missing parts stay as they are.

    Returns False if nothing changes. Raises UsageError if the text is malformed, and RefusedError if the job runs, has
    run, or was edited by another operator since it was read.
    """
    before = json.loads(job.text)
    after = {**before, **_parse_input(text)}
    if after == before:
        return False
    payload = json.dumps([after["function"], None, after["args"], after["kwargs"]]).encode()
    edit = f"{actor} {clock.to_datetime(clock.now_ms(connection)):%Y-%m-%dT%H:%M:%SZ}"
    _replace(connection, job, zlib.compress(payload), after, edit, actor)
    return True


def revert(connection: Redis, job: EditablePayload, *, actor: str) -> None:
    """Give a job the payload that it had before the first edit. Raises RefusedError if it was never edited."""
    raw = replies.optional_bytes(connection.hget(keys.job(job.id), job_fields.ORIGINAL_DATA))
    if raw is None or job.original is None:
        raise RefusedError(f"job {job.id} was never edited")
    _replace(connection, job, raw, json.loads(job.original), "", actor)


def _replace(
    connection: Redis, job: EditablePayload, data: bytes, parts: dict[str, Any], edit: str, actor: str
) -> None:
    reply = _edit(
        connection,
        job=keys.job(job.id),
        claims=keys.claims(job.queue),
        events=keys.EVENTS,
        job_id=job.id,
        queue=job.queue,
        before=job.raw,
        data=data,
        description=get_call_string(parts["function"], parts["args"], parts["kwargs"], max_length=75) or "",
        original_field=job_fields.ORIGINAL_DATA,
        edited_field=job_fields.EDITED_AT,
        edit=edit,
        actor=actor,
        max_events=events.MAX_ENTRIES,
    )
    word = replies.word(reply)
    if word != "done":
        raise RefusedError(f"job {job.id} was not edited: {_REASONS.get(word, f'it is {word}')}")


def _parse_stored(data: bytes, job_id: str) -> dict[str, Any]:
    """Return the parts of a stored payload. Raises RefusedError if it is not JSON as RQ writes it."""
    inflated, is_complete = untrusted_fields.inflate(data)
    if not is_complete:
        limit = f"{untrusted_fields.MAX_FIELD_BYTES:,} bytes"
        raise RefusedError(f"job {job_id} cannot be edited: its payload is larger than {limit}")
    try:
        function, instance, args, kwargs = json.loads(inflated.decode())
    except (ValueError, TypeError, RecursionError):
        raise RefusedError(
            f"job {job_id} cannot be edited: its payload is not JSON, and is never unpickled",
            hint="enqueue it again from the application, and discard this one",
        ) from None
    if instance is not None or not isinstance(function, str):
        raise RefusedError(f"job {job_id} cannot be edited: it calls a method of an object")
    return {"function": function, "args": args, "kwargs": kwargs}


def _format(parts: dict[str, Any]) -> str:
    return json.dumps(parts, indent=2, ensure_ascii=False)


def _parse_input(text: str) -> dict[str, Any]:
    """Return the parts of a payload that an operator wrote. Raises UsageError with the error and its position."""
    try:
        parts = json.loads(text, parse_constant=_refuse_constant)
    except RecursionError:
        raise UsageError("the payload is nested too deeply") from None
    except json.JSONDecodeError as error:
        position = f"line {error.lineno}, column {error.colno}"
        raise UsageError(f"the payload is not JSON: {error.msg} at {position}") from None
    if not isinstance(parts, dict):
        raise UsageError("the payload is not an object", 'write it like {"args": [1], "kwargs": {"to": "a@b.c"}}')
    unknown = parts.keys() - set(_PARTS)
    if unknown:
        raise UsageError(f"the payload has {min(unknown)!r}, which is none of {', '.join(_PARTS)}")
    for name, type_, noun in (("function", str, "text"), ("args", list, "a list"), ("kwargs", dict, "an object")):
        if name in parts and (not isinstance(parts[name], type_) or (name == "function" and not parts[name])):
            raise UsageError(f"{name} of the payload is not {noun}")
    if len(text) > untrusted_fields.MAX_FIELD_BYTES:
        raise UsageError(f"the payload is larger than {untrusted_fields.MAX_FIELD_BYTES:,} characters")
    return parts


def _refuse_constant(name: str) -> None:
    raise UsageError(f"the payload is not JSON: it has {name}")
