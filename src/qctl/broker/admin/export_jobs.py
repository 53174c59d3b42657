"""Exports jobs whole, as lines of JSON, from which `import_jobs` restores them to the last byte.

A UTF-8 value stands as text, any other as `{"base64": ...}`. The function, error, traceback and payload are repeated in
readable form, for people and jq; an import ignores them.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from redis import Redis

from qctl.broker.query import job_locations
from qctl.broker.query.job_locations import JobEntry
from qctl.broker.query.job_summary import JobSummary
from qctl.broker.redis import clock, job_fields, keys, replies, untrusted_fields
from qctl.broker.redis.replies import Entry
from qctl.models import ChosenJobs, State

SCHEMA = "qctl.job/1"

JOBS_PER_READ = 50
"""Jobs read at once: about 100 KB with payloads of the usual size."""

_REPLIES_PER_JOB = 6


class _Reading(NamedTuple):
    """The reads of one job. Times to live in milliseconds, negative for none."""

    fields: dict[bytes, bytes]
    results: list[Entry]
    ttl: int
    results_ttl: int
    fingerprint: bytes | None
    entry: object
    """Reply with its score or its note, by the type of its location."""


def lines(connection: Redis, part: ChosenJobs) -> Iterator[list[str]]:
    """Yield pages of the jobs of one location as lines of JSON without their ends. Jobs that are gone are left out."""
    for start in range(0, len(part.ids), JOBS_PER_READ):
        ids = part.ids[start : start + JOBS_PER_READ]
        # DEL is the one control character that `json` does not escape.
        yield [
            json.dumps(record).replace("\x7f", "\\u007f")
            for record in _records(connection, part.queue, part.state, ids)
        ]


def _records(connection: Redis, queue: str, state: State, ids: list[bytes]) -> Iterator[dict[str, Any]]:
    now = clock.now_ms(connection)
    readings = _read(connection, queue, state, ids)
    deaths = _deaths(connection, queue, ids, [reading.fingerprint for reading in readings])
    for id_, reading in zip(ids, readings, strict=True):
        fields, results = reading.fields, reading.results
        if not fields and state != "quarantined":
            continue
        record = {
            "schema": SCHEMA,
            "id": untrusted_fields.decode(id_),
            "queue": queue,
            "state": state,
            "fields": _values(fields),
            "results": [{"id": untrusted_fields.decode(entry), "fields": _values(raw)} for entry, raw in results],
            **_entry(state, reading.entry),
            **deaths.get(id_, {}),
            **({"expires_at": now + reading.ttl} if reading.ttl > 0 else {}),
            **({"results_expire_at": now + reading.results_ttl} if reading.results_ttl > 0 else {}),
        }
        yield {**record, "readable": _readable(queue, state, id_, fields, results)}


def _read(connection: Redis, queue: str, state: State, ids: list[bytes]) -> list[_Reading]:
    location, location_type = job_locations.key(state, queue), job_locations.key_type(state)
    with connection.pipeline(transaction=False) as pipe:
        for id_ in ids:
            name = untrusted_fields.decode(id_)
            pipe.hgetall(keys.job(name))
            pipe.xrange(keys.results(name))
            pipe.pttl(keys.job(name))
            pipe.pttl(keys.results(name))
            pipe.hget(keys.job(name), job_fields.FINGERPRINT)
            if location_type == "hash":
                pipe.hget(location, id_)
            elif location_type == "zset":
                pipe.zscore(location, id_)
            else:
                pipe.exists(keys.job(name))
        answers = replies.execute(pipe)
    return [
        _Reading(
            replies.bytes_dict(fields),
            replies.stream_entries(results),
            replies.integer(ttl),
            replies.integer(results_ttl),
            replies.optional_bytes(fingerprint),
            entry,
        )
        for fields, results, ttl, results_ttl, fingerprint, entry in zip(
            *(answers[n::_REPLIES_PER_JOB] for n in range(_REPLIES_PER_JOB)), strict=True
        )
    ]


def _entry(state: State, reply: object) -> dict[str, Any]:
    """Return the score or the note of a job in its location, nothing if it is not there."""
    location_type = job_locations.key_type(state)
    if location_type == "zset" and (score := replies.optional_float(reply)) is not None:
        # JSON has no number for infinity, which RQ uses for "for ever".
        return {"score": score if abs(score) != float("inf") else str(score)}
    if location_type == "hash" and (note := replies.optional_bytes(reply)) is not None:
        return {"note": value(note)}
    return {}


def _deaths(
    connection: Redis, queue: str, ids: Sequence[bytes], fingerprints: Sequence[bytes | None]
) -> dict[bytes, dict[str, Any]]:
    """Return time and cause of death of those jobs that are in the index of causes."""
    named = [(id_, untrusted_fields.decode(name)) for id_, name in zip(ids, fingerprints, strict=True) if name]
    with connection.pipeline(transaction=False) as pipe:
        for id_, name in named:
            pipe.zscore(keys.cause(queue, name), id_)
            pipe.hget(keys.causes(queue), name)
        answers = replies.execute(pipe)
    deaths = zip(map(replies.optional_float, answers[::2]), map(replies.optional_bytes, answers[1::2]), strict=True)
    return {
        id_: {"died": died, "cause": value(cause or b"{}")}
        for (id_, _), (died, cause) in zip(named, deaths, strict=True)
        if died is not None
    }


def _values(raw: Mapping[bytes, bytes]) -> dict[str, Any]:
    return {untrusted_fields.decode(name): value(part) for name, part in raw.items()}


def value(raw: bytes) -> str | dict[str, str]:
    """Return bytes as JSON can hold them: as text if they are UTF-8."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(raw).decode()}


def _readable(
    queue: str, state: State, id_: bytes, fields: dict[bytes, bytes], results: Sequence[Entry]
) -> dict[str, Any]:
    """Return the readable fields, for people and jq."""
    known: dict[str, bytes | None] = {untrusted_fields.decode(name): raw for name, raw in fields.items()}
    traceback = untrusted_fields.last_traceback(results[::-1], known)
    job = JobSummary(queue, state, JobEntry(id_), known, traceback)
    return {
        "function": job.function,
        "error": job.error,
        "traceback": job.traceback,
        "payload": _payload(known.get("data")),
    }


def _payload(data: bytes | None) -> Any:
    """Return a JSON payload, None if it is something else."""
    text, _ = untrusted_fields.indent_payload(data)
    try:
        payload = None if text is None else json.loads(text, parse_constant=str)
        json.dumps(payload)
    except (ValueError, RecursionError):
        return None
    return payload
