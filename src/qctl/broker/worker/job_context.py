"""The running job, as its function sees it: id, trace id, owner, time of creation, and its progress."""

from __future__ import annotations

import time
from datetime import datetime
from typing import Any

from rq.job import Job, Retry, get_current_job

from qctl.broker.redis.connection import TRANSIENT_ERRORS

RunAgain = Retry
"""Value that a job's function returns to run again later."""

PROGRESS_SECONDS = 0.5
"""Time (s) between two reports of progress that are written; those between are dropped."""

_FIELD = "progress"
"""The field of a job's `meta` that RQ's own examples use."""


def job_id() -> str | None:
    """The id of the running job: the same on every retry, so that it can serve as a key. None outside of a job."""
    job = get_current_job()
    return job.id if job else None


def trace() -> str | None:
    """The trace id of the running job, to pass on."""
    return _note("trace_id")


def owner() -> str | None:
    """The owner of the running job, None if it has none."""
    return _note("owner")


def created() -> datetime | None:
    """The time (UTC) at which the running job was created: the same on every retry. None outside of a job."""
    job = get_current_job()
    return job.created_at if job else None


def retries() -> int:
    """Number of retries of the running job so far."""
    job = get_current_job()
    return (job.number_of_retries or 0) if job else 0


def retry_after(seconds: float) -> RunAgain:
    """Value that a job's function returns to run again after so many seconds, whatever its own retries are."""
    return Retry(max=retries() + 1, interval=max(1, round(seconds)))


def progress(done: int, total: int | None = None, note: str = "") -> None:
    """Report the progress of the running job: `done` of `total` items, and a `note`. `qctl job show` shows it.

    It may be called for every row, because it writes twice a second, and at the end. It never fails a job.
    """
    job = get_current_job()
    if job is None:
        return
    is_last = total is not None and done >= total
    if not is_last and time.monotonic() - getattr(job, "_qctl_reported_at", 0.0) < PROGRESS_SECONDS:
        return
    _write(job, {"done": done, **({"total": total} if total is not None else {}), **({"note": note} if note else {})})


def _write(job: Job, report: dict[str, Any]) -> None:
    job.meta[_FIELD] = report
    setattr(job, "_qctl_reported_at", time.monotonic())  # noqa: B010 - RQ's class declares no such field
    try:
        job.save_meta()
    except TRANSIENT_ERRORS:
        return  # the next report is newer


def _note(name: str) -> str | None:
    job = get_current_job()
    value = job.meta.get(name) if job and isinstance(job.meta, dict) else None
    return value if isinstance(value, str) else None
