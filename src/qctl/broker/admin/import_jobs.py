"""Imports exported jobs, each in one step: a job is there whole or not at all, and never twice."""

from __future__ import annotations

import math

from redis import Redis
from redis.exceptions import ResponseError

from qctl.broker.admin.import_format import ImportedJob
from qctl.broker.bookkeeping import audit
from qctl.broker.query import job_locations
from qctl.broker.redis import clock, keys, replies
from qctl.broker.redis.scripts import Argument, Script
from qctl.errors import AlreadyExistsError, RejectedError

_import = Script("admin/import", after=("redis/types", "bookkeeping/step"))


def put(connection: Redis, job: ImportedJob, *, actor: str) -> None:
    """Put a job back into its location.

    Raises AlreadyExistsError if its id is in use, RejectedError if it has expired.
    """
    if job.expires_at and job.expires_at <= clock.now_ms(connection):
        raise RejectedError("it has expired, and would vanish at once")
    location_type = job_locations.key_type(job.state)
    attempts: list[Argument] = []
    for entry_id, values in job.results:
        attempts += [entry_id, 2 * len(values), *(part for pair in values.items() for part in pair)]
    try:
        reply = _import(
            connection,
            job=keys.job(job.id),
            results=keys.results(job.id),
            location=job_locations.key(job.state, job.queue),
            causes=keys.causes(job.queue),
            letters=keys.cause(job.queue, job.fingerprint),
            queues=keys.QUEUES,
            job_id=job.id,
            queue=job.queue,
            queue_key=keys.queue(job.queue),
            location_type=location_type,
            entry=job.note if location_type == "hash" else _format_score(job.score),
            fingerprint=job.fingerprint,
            died_ms=repr(job.died or 0),
            cause=job.cause,
            expires_ms=job.expires_at,
            results_expire_ms=job.results_expire_at,
            **audit.step_values(actor),
            fields=[part for pair in job.fields.items() for part in pair],
            attempts=attempts,
        )
    except ResponseError as error:
        if not replies.is_wrong_type(error):
            raise
        raise RejectedError("a key of its queue holds another type than it should") from None
    if replies.word(reply) == "exists":
        raise AlreadyExistsError(f"there is a job {job.id} already")


def _format_score(score: float) -> str:
    """Return a score as Redis reads it, with every digit."""
    return ("inf" if score > 0 else "-inf") if math.isinf(score) else repr(score)
