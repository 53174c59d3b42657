"""What a job function may know of the job that runs it, and how it tells how far it is."""

from __future__ import annotations

import time
from datetime import datetime
from typing import Any

from rq.job import Job, get_current_job

from qctl.broker.redis.connection import TRANSIENT_ERRORS

EVERY = 0.5
"""Seconds between two notes of progress that are written; those between are dropped."""

_FIELD = "progress"
"""Where RQ's own examples keep it in a job's notes."""


def job_id() -> str | None:
    """The id of the running job: the same one on every retry, so what is made of it is made once. None outside."""
    job = get_current_job()
    return job.id if job else None


def trace() -> str | None:
    """The trace id of the running job, to be handed on."""
    return _note("trace_id")


def owner() -> str | None:
    """Whose job is running, None where nobody's."""
    return _note("owner")


def created() -> datetime | None:
    """When the running job was created, in UTC: the same time on every retry. None outside."""
    job = get_current_job()
    return job.created_at if job else None


def progress(done: int, total: int | None = None, note: str = "") -> None:
    """Tell how far the running job is: `done` of `total` things, and in words. Shown by `qctl job show`.

    Cheap enough for every row: it writes twice a second, and at the end. It never fails a job.
    """
    job = get_current_job()
    if job is None:
        return
    ends = total is not None and done >= total
    if not ends and time.monotonic() - getattr(job, "_qctl_told", 0.0) < EVERY:
        return
    _tell(job, {"done": done, **({"total": total} if total is not None else {}), **({"note": note} if note else {})})


def _tell(job: Job, told: dict[str, Any]) -> None:
    job.meta[_FIELD] = told
    setattr(job, "_qctl_told", time.monotonic())  # noqa: B010 - RQ's class declares no such field
    try:
        job.save_meta()
    except TRANSIENT_ERRORS:
        return  # the next note tells more


def _note(name: str) -> str | None:
    job = get_current_job()
    found = job.meta.get(name) if job and isinstance(job.meta, dict) else None
    return found if isinstance(found, str) else None
