"""Reads the functions of jobs, and adds the names of jobs to events that do not carry them. Writes nothing."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from redis import Redis

from qctl import catalog
from qctl.broker.redis import keys, replies, untrusted_fields
from qctl.models import Event

MAX_DATA_BYTES = 64_000
"""Stored size of a payload that is read for its function's name; of a larger one the description has to do."""

MAX_JOBS = 200
"""Jobs whose names are read for one list of events, the newest first; further events stay without one."""


def functions(connection: Redis, ids: Collection[str]) -> dict[str, str]:
    """Return the function of each of these jobs, in two round trips. Jobs without data are left out."""
    listed = sorted(ids)
    if not listed:
        return {}
    with connection.pipeline(transaction=False) as pipe:
        for job_id in listed:
            pipe.hget(keys.job(job_id), "description")
            pipe.hstrlen(keys.job(job_id), "data")
        answers = replies.execute(pipe)
    descriptions = dict(zip(listed, map(replies.optional_bytes, answers[::2]), strict=True))
    sizes = dict(zip(listed, map(replies.integer, answers[1::2]), strict=True))
    small = [job_id for job_id in listed if 0 < sizes[job_id] <= MAX_DATA_BYTES]
    payloads: dict[str, bytes | None] = {}
    if small:
        with connection.pipeline(transaction=False) as pipe:
            for job_id in small:
                pipe.hget(keys.job(job_id), "data")
            payloads = dict(zip(small, map(replies.optional_bytes, replies.execute(pipe)), strict=True))
    return {
        job_id: untrusted_fields.function_name({"data": payloads.get(job_id), "description": descriptions[job_id]})
        for job_id in listed
        if sizes[job_id] or descriptions[job_id]
    }


def add_to_events(connection: Redis, events: Sequence[Event]) -> list[Event]:
    """Return the events with the names of their jobs, in two round trips at most. A job without data has none."""
    unnamed = (event.fields["job"] for event in reversed(events) if _needs_name(event))
    names = functions(connection, list(dict.fromkeys(unnamed))[:MAX_JOBS])
    return [_named(event, names.get(event.fields["job"], "")) if _needs_name(event) else event for event in events]


def _needs_name(event: Event) -> bool:
    return bool(event.fields.get("job")) and not event.fields.get("name")


def _named(event: Event, function: str) -> Event:
    return replace(event, fields={**event.fields, "name": catalog.name_of(function)}) if function else event
