"""What a job leaves in Redis, jobs above all: once, however often it runs, as its id is made of the job's own."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Any

from qctl.broker.redis.connection import Connection, connect, translate_errors
from qctl.broker.worker import job_context
from qctl.errors import BackpressureError, SinkUnavailableError, UnreachableError
from qctl.jobs.batches import settings
from qctl.service import QueueService


def follow(name: str, data: Mapping[str, Any], *, id: str | None = None) -> str:
    """Create a job, of this id or else the one of its name that follows the running job. Returns its id.

    While Redis is away or full, the running job waits at no cost: SinkUnavailableError.
    """
    job_id = id if id is not None else _id(name)
    with waiting(f"{name} cannot be enqueued"), QueueService(settings()) as service:
        return service.enqueue(name, {k: v for k, v in data.items() if v is not None}, job_id=job_id)


@contextmanager
def redis(what: str) -> Iterator[Connection]:
    """Redis, for what a job leaves there. While it is away or full, the job waits at no cost; `what` says what for."""
    with waiting(what), closing(connect(settings(), name="qctl-job")) as connection, translate_errors(settings()):
        yield connection


@contextmanager
def waiting(what: str) -> Iterator[None]:
    """Raise SinkUnavailableError where Redis is away or full."""
    try:
        yield
    except (UnreachableError, BackpressureError) as error:
        raise SinkUnavailableError(f"{what}: {error.message}") from error


def once(what: object) -> str | None:
    """A key for what the running job does with this; the same when it runs again. None outside a job."""
    job_id = job_context.job_id()
    return None if job_id is None else _digest(f"{job_id} {what!r}")


def same(*parts: str) -> str:
    """A word for ids of jobs that the same parts always give."""
    return _digest("\0".join(parts))[:24]


def token() -> str:
    """What the names of files of the running job end with: the same when it runs again."""
    return _digest(job_context.job_id() or "outside a job")[:16]


def _id(name: str) -> str | None:
    job_id = job_context.job_id()
    return None if job_id is None else f"{name}-{_digest(job_id)[:24]}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()
