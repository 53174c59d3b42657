"""Reconstructs a job that has expired in Redis from its events in the history."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from qctl.history import open_store
from qctl.models import Event, JobDetail, Payload
from qctl.settings import Settings

NOTE = "expired in Redis; reconstructed from the history"

_ENDS = {"finished": "finished", "dead": "failed", "quarantined": "quarantined", "canceled": "canceled"}
"""Events that end a job, with the status that they give it."""


def read_job(settings: Settings, job_id: str) -> JobDetail | None:
    """The job according to its events, None without events. Raises UnreachableError if the database is down."""
    store = open_store(settings, read_only=True)
    try:
        events = store.events_of_job(job_id)
    finally:
        store.close()
    return _detail(job_id, events) if events else None


def _detail(job_id: str, events: Sequence[Event]) -> JobDetail:
    return JobDetail(
        id=job_id,
        queue=_last(events, "queue"),
        status=next((_ENDS[event.event] for event in reversed(events) if event.event in _ENDS), events[-1].event),
        state=None,
        function=_last(events, "name"),
        description="",
        payload=Payload(None, 0),
        note=NOTE,
        created_at=_time_of(events, "created"),
        enqueued_at=_time_of(events, "created", "enqueued"),
        started_at=_time_of(events, "started"),
        ended_at=_time_of(events, *_ENDS),
        worker=_last(events, "worker"),
        error=next((e.fields.get("reason", "") for e in reversed(events) if e.event in ("dead", "failed")), ""),
        trace=_last(events, "trace") or None,
        owner=_last(events, "owner") or None,
        timeline=list(events),
    )


def _last(events: Sequence[Event], field: str) -> str:
    """The last value of a field, empty if no event has it."""
    return next((event.fields[field] for event in reversed(events) if event.fields.get(field)), "")


def _time_of(events: Sequence[Event], *names: str) -> datetime | None:
    """Time of the last event with one of these names."""
    return next((event.at for event in reversed(events) if event.event in names), None)
