"""A job that Redis has forgotten, as far as the history tells of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from qctl.history.open_store import open_store
from qctl.models import Event, JobDetail, Payload
from qctl.settings import Settings

NOTE = "Redis has forgotten it; this is what the history tells"

_ENDS = {"finished": "finished", "dead": "failed", "quarantined": "quarantined", "canceled": "canceled"}
"""Events by which a job ends, and its status then."""


def remembered(settings: Settings, job_id: str) -> JobDetail | None:
    """What the history tells of a job, None where that is nothing. Reads only.

    Raises UnreachableError where its database does not answer.
    """
    store = open_store(settings, reading=True)
    try:
        life = store.life_of(job_id)
    finally:
        store.close()
    return _detail(job_id, life) if life else None


def _detail(job_id: str, life: Sequence[Event]) -> JobDetail:
    return JobDetail(
        id=job_id,
        queue=_last(life, "queue"),
        status=next((_ENDS[each.event] for each in reversed(life) if each.event in _ENDS), life[-1].event),
        state=None,
        function=_last(life, "name"),
        description="",
        payload=Payload(None, 0),
        note=NOTE,
        created_at=_when(life, "created"),
        enqueued_at=_when(life, "created", "enqueued"),
        started_at=_when(life, "started"),
        ended_at=_when(life, *_ENDS),
        worker=_last(life, "worker"),
        error=next((each.fields.get("reason", "") for each in reversed(life) if each.event in ("dead", "failed")), ""),
        trace=_last(life, "trace") or None,
        owner=_last(life, "owner") or None,
        timeline=list(life),
    )


def _last(life: Sequence[Event], field: str) -> str:
    """The last that was said under a name."""
    return next((each.fields[field] for each in reversed(life) if each.fields.get(field)), "")


def _when(life: Sequence[Event], *names: str) -> datetime | None:
    """When the last of these events was."""
    return next((each.at for each in reversed(life) if each.event in names), None)
