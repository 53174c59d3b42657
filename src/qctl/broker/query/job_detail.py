"""Reads all of one job by its id: its hash, its results, its events, and its location. Writes nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Any

from redis import Redis
from redis.exceptions import ResponseError

from qctl.broker.query import dependents as dependents_query
from qctl.broker.query import job_locations, job_runs, locate_jobs
from qctl.broker.query.job_locations import JobEntry
from qctl.broker.query.job_summary import JobSummary
from qctl.broker.redis import job_fields, keys, replies, stream_reader, untrusted_fields
from qctl.broker.redis.replies import Entry
from qctl.models import Event, JobDetail, Payload, State
from qctl.models.events import moment_of

MAX_EVENTS = 50_000
"""Events that are read, from the newest on, in half a second. Older events of the job are missing."""

MAX_FIELD_BYTES = 1 << 20
"""Size of a field up to which it is read. Of a larger payload only the size is returned."""

_LARGE_FIELDS = ("data", "meta", "exc_info", "result", job_fields.ORIGINAL_DATA)


def read(connection: Redis, job_id: str, queues: Sequence[str]) -> JobDetail | None:
    """Return the job with this id, None if no data of it exists. `queues` are all queues."""
    fields, size, original_size = _read_fields(connection, job_id)
    located, _ = locate_jobs.locate(connection, [job_id], queues)
    queue, state, entry = (
        located[0] if located else (untrusted_fields.decode(fields.get("origin")), None, JobEntry(b""))
    )
    if not fields and state is None:
        return None
    if state == "quarantined":
        entry = JobEntry(entry.id, note=replies.optional_bytes(connection.hget(keys.quarantine(queue), entry.id)))
    results, dependents, ttl_ms = _read_relations(connection, job_id)
    traceback = untrusted_fields.last_traceback(results, fields) if results or fields.get("exc_info") else ""
    dependencies = [item for item in _items(fields, "dependency_ids") if isinstance(item, str)]
    dependent_ids = sorted(map(untrusted_fields.decode, dependents))
    summary = JobSummary(queue, state or "queued", entry, fields, traceback)
    payload = untrusted_fields.indent_payload(fields.get("data"))
    original = fields.get(job_fields.ORIGINAL_DATA)
    timeline, is_complete = _timeline(connection, job_id, untrusted_fields.parse_time(fields.get("created_at")))
    text = {name: untrusted_fields.decode(value) for name, value in fields.items() if name not in _LARGE_FIELDS}
    trace = summary.meta.get("trace_id")
    return JobDetail(
        id=job_id,
        queue=queue,
        status=text.get("status", ""),
        state=state,
        function=summary.function,
        description=text.get("description", ""),
        payload=Payload(payload[0], size if payload[0] is None else payload[1]),
        note=str(summary.note.get("reason", "")) if state == "quarantined" else _note(state, entry, text),
        position=entry.position if state == "queued" else None,
        created_at=untrusted_fields.parse_time(fields.get("created_at")),
        enqueued_at=untrusted_fields.parse_time(fields.get("enqueued_at")),
        started_at=untrusted_fields.parse_time(fields.get("started_at")),
        ended_at=untrusted_fields.parse_time(fields.get("ended_at")),
        due=job_runs.moment(entry.score) if state == "scheduled" else None,
        expires_in=ttl_ms / 1000 if ttl_ms > 0 else None,
        worker=text.get("worker_name", ""),
        timeout=text.get("timeout", ""),
        retries_left=untrusted_fields.parse_count(fields.get("retries_left")),
        retry_intervals=[float(item) for item in _items(fields, "retry_intervals") if isinstance(item, (int, float))],
        error=summary.error,
        traceback=traceback,
        fingerprint=text.get(job_fields.FINGERPRINT) or None,
        trace=trace if isinstance(trace, str) else None,
        owner=summary.owner or None,
        meta=untrusted_fields.indent_meta(fields.get("meta")),
        dependencies=dependencies,
        dependents=dependent_ids,
        relatives=dict(dependents_query.states_of(connection, [*dependencies, *dependent_ids])),
        attempts=job_runs.attempts(results, fields, text.get("status", "")),
        timeline=timeline,
        events_whole=is_complete,
        moved_from=text.get(job_fields.MOVED_FROM) or None,
        replayed_from=text.get(job_fields.REPLAYED_FROM) or None,
        replayed_to=text.get(job_fields.REPLAYED_TO) or None,
        trash=text.get(job_fields.TRASH_BATCH) or None,
        edited=text.get(job_fields.EDITED_AT) or None,
        original=Payload(*untrusted_fields.indent_payload(original)) if original_size else None,
    )


def value(connection: Redis, job_id: str) -> str | None:
    """Return the job's last return value as JSON, None if it has none or it is not JSON."""
    newest = replies.stream_entries(connection.xrevrange(keys.results(job_id), count=1))
    return untrusted_fields.indent_return_value(newest[0][1].get(b"return_value")) if newest else None


def worker(connection: Redis, job_id: str) -> str:
    """Return the worker that runs the job, or ran it last."""
    return untrusted_fields.decode(replies.optional_bytes(connection.hget(keys.job(job_id), "worker_name")))


def _read_fields(connection: Redis, job_id: str) -> tuple[dict[str, bytes | None], int, int]:
    """Return the job's hash without too large fields, and the sizes of its payload and of the one before an edit."""
    with connection.pipeline(transaction=False) as pipe:
        pipe.hkeys(keys.job(job_id))
        for name in _LARGE_FIELDS:
            pipe.hstrlen(keys.job(job_id), name)
        raw_names, *raw_sizes = replies.execute(pipe)
    sizes = dict(zip(_LARGE_FIELDS, map(replies.integer, raw_sizes), strict=True))
    names = [
        name
        for name in map(untrusted_fields.decode, replies.bytes_list(raw_names))
        if sizes.get(name, 0) <= MAX_FIELD_BYTES
    ]
    values = replies.field_values(connection.hmget(keys.job(job_id), names), len(names)) if names else []
    return dict(zip(names, values, strict=True)), sizes["data"], sizes[job_fields.ORIGINAL_DATA]


def _read_relations(connection: Redis, job_id: str) -> tuple[list[Entry], set[bytes], int]:
    """Return the job's results, the newest first, the ids of its dependents, and its time to live in milliseconds."""
    with connection.pipeline(transaction=False) as pipe:
        pipe.xrevrange(keys.results(job_id), count=job_runs.MAX_RESULTS)
        pipe.smembers(keys.dependents(job_id))
        pipe.pttl(keys.job(job_id))
        results, dependents, ttl_ms = replies.execute(pipe)
    return replies.stream_entries(results), replies.bytes_set(dependents), replies.integer(ttl_ms)


def _note(state: State | None, entry: JobEntry, text: dict[str, str]) -> str:
    """Explain a job that is in no location of a queue, or that its worker left."""
    if entry.is_abandoned:
        return (
            "its worker is gone, and nothing runs it; repair it with: qctl doctor --repair (qctl-scheduler does it too)"
        )
    if state is None and text.get(job_fields.TRASH_BATCH):
        return f"it is in trash batch {text[job_fields.TRASH_BATCH]}"
    status = text.get("status", "")
    if state is None and status in job_locations.BY_STATUS:
        return locate_jobs.unlisted_detail(status)
    return ""


def _items(fields: Mapping[str, bytes | None], name: str) -> list[Any]:
    """Return the items of a field that is a JSON list, none if it is something else."""
    try:
        items = json.loads(fields.get(name) or b"[]")
    except (ValueError, RecursionError):
        return []
    return items if isinstance(items, list) else []


def _timeline(connection: Redis, job_id: str, created: datetime | None) -> tuple[list[Event], bool]:
    """Return the job's events, the oldest first, and whether they reach back to its creation.

    There are none if the stream's key holds another type.
    """
    try:
        return _read_events(connection, job_id, created)
    except ResponseError as error:
        if not replies.is_wrong_type(error) and not replies.is_hidden(error):
            raise
        return [], False


def _read_events(connection: Redis, job_id: str, created: datetime | None) -> tuple[list[Event], bool]:
    since = int(created.timestamp() * 1000) - 1000 if created else 0
    raw_id, events, read_count = untrusted_fields.encode(job_id), [], 0
    for entry_id, raw in islice(stream_reader.newest_first(connection, keys.EVENTS, since), MAX_EVENTS):
        read_count += 1
        if raw.get(b"job") == raw_id:
            fields = stream_reader.decode_fields(raw)
            events.append(Event(entry_id, fields.pop("event", "?"), fields))
    oldest = replies.stream_entries(connection.xrange(keys.EVENTS, count=1))
    reaches_back = bool(oldest) and moment_of(untrusted_fields.decode(oldest[0][0])).timestamp() * 1000 <= since
    has_creation = any(event.event == "created" for event in events)
    return events[::-1], has_creation or (read_count < MAX_EVENTS and reaches_back)
