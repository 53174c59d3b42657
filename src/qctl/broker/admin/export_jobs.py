"""Jobs as lines of JSON, whole: what `importing` reads brings them back as they were, to the last byte.

A value that is UTF-8 stands as text, any other as `{"base64": ...}`. What people look for, the function, error,
traceback and payload, stands beside it once more, readable; importing does not look at that.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from typing import Any

from redis import Redis

from qctl.broker.query import job_locations, job_summary
from qctl.broker.query.job_locations import JobEntry
from qctl.broker.redis import clock, job_fields, keys, replies, untrusted_fields
from qctl.models import ChosenJobs, State

SCHEMA = "qctl.job/1"

STEP = 50
"""Jobs that are read at once: with payloads of the usual size some 100 KB."""

READ = 6
"""Replies that make one job."""


def lines(connection: Redis, part: ChosenJobs) -> Iterator[list[str]]:
    """The jobs of one place as lines of JSON without their ends, in steps. What is gone meanwhile is left out."""
    for start in range(0, len(part.ids), STEP):
        ids = part.ids[start : start + STEP]
        # DEL is the one control character that `json` lets through.
        yield [
            json.dumps(each).replace("\x7f", "\\u007f") for each in _records(connection, part.queue, part.state, ids)
        ]


def _records(connection: Redis, queue: str, state: State, ids: list[bytes]) -> Iterator[dict[str, Any]]:
    now = clock.now_ms(connection)
    kind = job_locations.key_type(state)
    with connection.pipeline(transaction=False) as pipe:
        for id_ in ids:
            name = untrusted_fields.decode(id_)
            pipe.hgetall(keys.job(name))
            pipe.xrange(keys.results(name))
            pipe.pttl(keys.job(name))
            pipe.pttl(keys.results(name))
            pipe.hget(keys.job(name), job_fields.FINGERPRINT)
            if kind == "hash":
                pipe.hget(job_locations.key(state, queue), id_)
            elif kind == "zset":
                pipe.zscore(job_locations.key(state, queue), id_)
            else:
                pipe.exists(keys.job(name))
        answers = [replies.granted(reply, None) for reply in replies.execute(pipe)]
    dead = _deaths(connection, queue, ids, answers[4::READ])
    for n, id_ in enumerate(ids):
        fields, results, ttl, results_ttl, _, place = answers[READ * n : READ * (n + 1)]
        if not fields and state != "quarantined":
            continue
        record = {
            "schema": SCHEMA,
            "id": untrusted_fields.decode(id_),
            "queue": queue,
            "state": state,
            "fields": _values(fields or {}),
            "results": [{"id": untrusted_fields.decode(entry), "fields": _values(raw)} for entry, raw in results or []],
            **_placed(kind, place),
            **dead.get(id_, {}),
            **({"expires_at": now + ttl} if ttl and ttl > 0 else {}),
            **({"results_expire_at": now + results_ttl} if results_ttl and results_ttl > 0 else {}),
        }
        yield {**record, "readable": _readable(queue, state, JobEntry(id_), fields or {}, results or [])}


def _placed(kind: str, place: Any) -> dict[str, Any]:
    if kind == "zset" and place is not None:
        # JSON has no word for infinity, which is RQ's for ever.
        return {"score": place if abs(place) != float("inf") else str(place)}
    return {"note": value(place)} if kind == "hash" and place is not None else {}


def _deaths(connection: Redis, queue: str, ids: list[bytes], prints: list[bytes | None]) -> dict[bytes, dict[str, Any]]:
    """When those of the index of causes died, and of what."""
    named = [(id_, untrusted_fields.decode(name)) for id_, name in zip(ids, prints, strict=True) if name]
    with connection.pipeline(transaction=False) as pipe:
        for id_, name in named:
            pipe.zscore(keys.cause(queue, name), id_)
            pipe.hget(keys.causes(queue), name)
        answers = [replies.granted(reply, None) for reply in replies.execute(pipe)]
    return {
        id_: {"died": died, "cause": value(cause or b"{}")}
        for (id_, _), died, cause in zip(named, answers[::2], answers[1::2], strict=True)
        if died is not None
    }


def _values(raw: Mapping[bytes, bytes]) -> dict[str, Any]:
    return {untrusted_fields.decode(name): value(each) for name, each in raw.items()}


def value(raw: bytes) -> str | dict[str, str]:
    """Bytes as JSON can hold them: text where they are UTF-8."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(raw).decode()}


def _readable(
    queue: str, state: State, found: JobEntry, fields: dict[bytes, bytes], results: list[Any]
) -> dict[str, Any]:
    """What a person or jq looks for. The payload is JSON where it is, never unpickled."""
    known: dict[str, bytes | None] = {untrusted_fields.decode(name): value for name, value in fields.items()}
    said = job_summary.JobSummary(queue, state, found, known, untrusted_fields.last_traceback(results[::-1], known))
    return {
        "function": said.function,
        "error": said.error,
        "traceback": said.traceback,
        "payload": _payload(known.get("data")),
    }


def _payload(data: bytes | None) -> Any:
    """The payload where it is JSON that can be written again, None where it is not."""
    text, _ = untrusted_fields.indent_payload(data)
    try:
        payload = None if text is None else json.loads(text, parse_constant=str)
        json.dumps(payload)
    except (ValueError, RecursionError):
        return None
    return payload
