"""All that is known of one job, by its id alone: its hash, its results, its events, and where it is. Reads only."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from itertools import islice
from typing import Any

from redis import Redis
from redis.exceptions import ResponseError
from rq.results import Result

from qctl.broker.bookkeeping import dead_letter_index
from qctl.broker.query import job_locations, job_summary, locate_jobs
from qctl.broker.query.job_locations import JobEntry
from qctl.broker.redis import clock, job_fields, keys, replies, stream_reader, untrusted_fields
from qctl.models import Attempt, Event, JobDetail, Payload, State
from qctl.models.events import moment_of

ATTEMPTS = 20
"""Results that are shown: RQ keeps ten."""

LOOKED_AT = 50_000
"""Events that are read, from the newest on, to find those of the job: half a second."""

SIZE = 1 << 20
"""Bytes of one field that are read. What is larger is known by its size."""

_OUTCOMES = {kind.value: kind.name.lower() for kind in Result.Type}

_LARGE = ("data", "meta", "exc_info", "result", job_fields.ORIGINAL_DATA)


def read(connection: Redis, job_id: str, queues: Sequence[str]) -> JobDetail | None:
    """The job of this id, None where there is nothing of it. `queues` are all there are."""
    fields, size, original_size = _fields(connection, job_id)
    located, _ = locate_jobs.locate(connection, [job_id], queues)
    queue, state, found = (
        located[0] if located else (untrusted_fields.decode(fields.get("origin")), None, JobEntry(b""))
    )
    if not fields and state is None:
        return None
    if state == "quarantined":
        found = _with_note(connection, queue, found)
    with connection.pipeline(transaction=False) as pipe:
        pipe.xrevrange(keys.results(job_id), count=ATTEMPTS)
        pipe.smembers(keys.dependents(job_id))
        pipe.pttl(keys.job(job_id))
        results, dependents, ttl = (replies.granted(reply, None) for reply in replies.execute(pipe))
    traceback = untrusted_fields.last_traceback(results, fields) if results or fields.get("exc_info") else ""
    said = job_summary.JobSummary(queue, state or "queued", found, fields, traceback)
    payload = untrusted_fields.indent_payload(fields.get("data"))
    original = fields.get(job_fields.ORIGINAL_DATA)
    timeline, whole = _timeline(connection, job_id, untrusted_fields.parse_time(fields.get("created_at")))
    text = {name: untrusted_fields.decode(value) for name, value in fields.items() if name not in _LARGE}
    trace = said.meta.get("trace_id")
    return JobDetail(
        id=job_id,
        queue=queue,
        status=text.get("status", ""),
        state=state,
        function=said.function,
        description=text.get("description", ""),
        payload=Payload(payload[0], size if payload[0] is None else payload[1]),
        note=str(said.note.get("reason", "")) if state == "quarantined" else _note(state, text),
        position=found.position if state == "queued" else None,
        created_at=untrusted_fields.parse_time(fields.get("created_at")),
        enqueued_at=untrusted_fields.parse_time(fields.get("enqueued_at")),
        started_at=untrusted_fields.parse_time(fields.get("started_at")),
        ended_at=untrusted_fields.parse_time(fields.get("ended_at")),
        due=_due(state, found),
        expires_in=ttl / 1000 if isinstance(ttl, int) and ttl > 0 else None,
        worker=text.get("worker_name", ""),
        timeout=text.get("timeout", ""),
        retries_left=untrusted_fields.parse_count(fields.get("retries_left")),
        retry_intervals=_numbers(fields.get("retry_intervals")),
        error=said.error,
        traceback=traceback,
        fingerprint=text.get(job_fields.FINGERPRINT) or None,
        trace=trace if isinstance(trace, str) else None,
        owner=said.owner or None,
        meta=untrusted_fields.indent_meta(fields.get("meta")),
        dependencies=_words(fields.get("dependency_ids")),
        dependents=sorted(untrusted_fields.decode(each) for each in dependents or ()),
        attempts=[_attempt(*entry) for entry in reversed(results or [])],
        timeline=timeline,
        events_whole=whole,
        moved_from=text.get(job_fields.MOVED_FROM) or None,
        trash=text.get(job_fields.TRASH_BATCH) or None,
        edited=text.get(job_fields.EDITED_AT) or None,
        original=Payload(*untrusted_fields.indent_payload(original)) if original_size else None,
    )


def value(connection: Redis, job_id: str) -> str | None:
    """What the job returned last, as JSON, None where it is something else or nothing."""
    newest = connection.xrevrange(keys.results(job_id), count=1)
    return untrusted_fields.indent_return_value(newest[0][1].get(b"return_value")) if newest else None


def worker(connection: Redis, job_id: str) -> str:
    """The worker that runs the job, or ran it last."""
    return untrusted_fields.decode(connection.hget(keys.job(job_id), "worker_name"))


def _fields(connection: Redis, job_id: str) -> tuple[dict[str, bytes | None], int, int]:
    """The job's hash without what is too large, the size of its payload, and that of the one before an edit."""
    with connection.pipeline(transaction=False) as pipe:
        pipe.hkeys(keys.job(job_id))
        for name in _LARGE:
            pipe.hstrlen(keys.job(job_id), name)
        raw, *sizes = (replies.granted(reply, None) for reply in replies.execute(pipe))
    large = dict(zip(_LARGE, sizes, strict=True))
    names = [name for name in map(untrusted_fields.decode, raw or []) if (large.get(name) or 0) <= SIZE]
    values: list[bytes | None] = connection.hmget(keys.job(job_id), names) if names else []
    return dict(zip(names, values, strict=True)), large["data"] or 0, large[job_fields.ORIGINAL_DATA] or 0


def _with_note(connection: Redis, queue: str, found: JobEntry) -> JobEntry:
    note = connection.hget(keys.quarantine(queue), found.id)
    return JobEntry(found.id, note=note)


def _note(state: State | None, text: dict[str, str]) -> str:
    """What is odd about where it is."""
    if state is None and text.get(job_fields.TRASH_BATCH):
        return f"it is in trash batch {text[job_fields.TRASH_BATCH]}"
    status = text.get("status", "")
    if state is None and status in job_locations.BY_STATUS:
        return f"it says that it is {status}, and is in no place of that kind: nothing will run it"
    return ""


def _due(state: State | None, found: JobEntry) -> datetime | None:
    try:
        return clock.to_datetime(found.score * 1000) if state == "scheduled" else None
    except (ValueError, OverflowError, OSError):
        return None


def _numbers(raw: bytes | None) -> list[float]:
    return [float(each) for each in _list(raw) if isinstance(each, (int, float))]


def _words(raw: bytes | None) -> list[str]:
    return [each for each in _list(raw) if isinstance(each, str)]


def _list(raw: bytes | None) -> list[Any]:
    try:
        found = json.loads(raw or b"[]")
    except (ValueError, RecursionError):
        return []
    return found if isinstance(found, list) else []


def _attempt(entry_id: bytes, raw: dict[bytes, bytes]) -> Attempt:
    """One entry of a job's results."""
    fields = {untrusted_fields.decode(name): value for name, value in raw.items()}
    kind = untrusted_fields.parse_count(fields.get("type"))
    traceback = untrusted_fields.last_traceback([(b"", raw)], {}) if fields.get("exc_string") else ""
    return Attempt(
        outcome=_OUTCOMES.get(kind or 0, "unknown"),
        at=moment_of(untrusted_fields.decode(entry_id)),
        worker=untrusted_fields.decode(fields.get("worker_name")),
        started_at=_seconds(fields.get("execution_started_at")),
        ended_at=_seconds(fields.get("execution_ended_at")),
        error=dead_letter_index.last_line(traceback),
        traceback=traceback,
        value=untrusted_fields.indent_return_value(fields.get("return_value")),
    )


def _seconds(raw: bytes | None) -> datetime | None:
    try:
        return clock.to_datetime(float(raw) * 1000) if raw else None
    except (ValueError, OverflowError, OSError):
        return None


def _timeline(connection: Redis, job_id: str, created: datetime | None) -> tuple[list[Event], bool]:
    """The job's events, the oldest first, and whether those are all since it was created.

    Where the stream's key holds another type there are none, and nobody knows.
    """
    try:
        return _told(connection, job_id, created)
    except ResponseError as error:
        if not replies.is_wrong_type(error):
            raise
        return [], False


def _told(connection: Redis, job_id: str, created: datetime | None) -> tuple[list[Event], bool]:
    since = int(created.timestamp() * 1000) - 1000 if created else 0
    id_, found, read = untrusted_fields.encode(job_id), [], 0
    for entry_id, raw in islice(stream_reader.newest_first(connection, keys.EVENTS, since), LOOKED_AT):
        read += 1
        if raw.get(b"job") == id_:
            fields = stream_reader.decode_fields(raw)
            found.append(Event(entry_id, fields.pop("event", "?"), fields))
    oldest = connection.xrange(keys.EVENTS, count=1)
    reaches_back = bool(oldest) and moment_of(untrusted_fields.decode(oldest[0][0])).timestamp() * 1000 <= since
    begins = any(event.event == "created" for event in found)
    return found[::-1], begins or (read < LOOKED_AT and reaches_back)
