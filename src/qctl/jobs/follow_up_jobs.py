"""Writes to Redis from inside a job, above all follow-up jobs. Their ids derive from the running job's id, so a retry
of the job creates nothing twice."""

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


def enqueue_follow_up(name: str, data: Mapping[str, Any], *, id: str | None = None) -> str:
    """Create a job. Returns its id: `id`, or one derived from the running job and `name`.

    Raises SinkUnavailableError while Redis is unreachable or full, so that the running job waits at no cost of a retry.
    """
    job_id = id if id is not None else _id(name)
    with waits_for_redis(f"{name} cannot be enqueued"), QueueService(settings()) as service:
        return service.enqueue(name, {k: v for k, v in data.items() if v is not None}, job_id=job_id)


@contextmanager
def redis_connection(problem: str) -> Iterator[Connection]:
    """A connection to Redis. Raises SinkUnavailableError, named `problem`, while Redis is unreachable or full."""
    with (
        waits_for_redis(problem),
        closing(connect(settings(), name="qctl-job")) as connection,
        translate_errors(settings()),
    ):
        yield connection


@contextmanager
def waits_for_redis(problem: str) -> Iterator[None]:
    """Translate "Redis is unreachable" and "Redis is full" to SinkUnavailableError, named `problem`."""
    try:
        yield
    except (UnreachableError, BackpressureError) as error:
        raise SinkUnavailableError(f"{problem}: {error.message}") from error


def idempotency_key(step: object) -> str | None:
    """A key for one step of the running job, the same on every retry. None outside a job."""
    job_id = job_context.job_id()
    return None if job_id is None else _digest(f"{job_id} {step!r}")


def stable_id(*parts: str) -> str:
    """A short hash of `parts` for ids of jobs."""
    return _digest("\0".join(parts))[:24]


def file_suffix() -> str:
    """A suffix for names of files that the running job writes, the same on every retry."""
    return _digest(job_context.job_id() or "outside a job")[:16]


def _id(name: str) -> str | None:
    job_id = job_context.job_id()
    return None if job_id is None else f"{name}-{_digest(job_id)[:24]}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()
