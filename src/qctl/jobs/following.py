"""Jobs that a job creates: once, however often it runs, as their id is made of its own."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from qctl.broker import running
from qctl.errors import BackpressureError, SinkUnavailableError, UnreachableError
from qctl.jobs.batches import settings
from qctl.service import QueueService


def follow(name: str, data: Mapping[str, Any], *, id: str | None = None) -> str:
    """Create a job, of this id or else the one of its name that follows the running job. Returns its id.

    While Redis is away or full, the running job waits at no cost: SinkUnavailableError.
    """
    job_id = id if id is not None else _id(name)
    try:
        with QueueService(settings()) as service:
            return service.enqueue(name, {k: v for k, v in data.items() if v is not None}, job_id=job_id)
    except (UnreachableError, BackpressureError) as error:
        raise SinkUnavailableError(f"{name} cannot be enqueued: {error.message}") from error


def once(what: object) -> str | None:
    """A key for what the running job does with this; the same when it runs again. None outside a job."""
    job_id = running.job_id()
    return None if job_id is None else _digest(f"{job_id} {what!r}")


def same(*parts: str) -> str:
    """A word for ids of jobs that the same parts always give."""
    return _digest("\0".join(parts))[:24]


def token() -> str:
    """What the names of files of the running job end with: the same when it runs again."""
    return _digest(running.job_id() or "outside a job")[:16]


def _id(name: str) -> str | None:
    job_id = running.job_id()
    return None if job_id is None else f"{name}-{_digest(job_id)[:24]}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()
