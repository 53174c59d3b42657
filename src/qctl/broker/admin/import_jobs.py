"""Bringing exported jobs back, each in one step: there whole or not at all, and never twice."""

from __future__ import annotations

import math
from typing import Any

from redis import Redis
from redis.exceptions import ResponseError

from qctl.broker.admin.import_format import Record
from qctl.broker.bookkeeping import events
from qctl.broker.query import job_locations
from qctl.broker.redis import clock, keys, replies, untrusted_fields
from qctl.broker.redis.scripts import Script
from qctl.errors import AlreadyExistsError, RejectedError

_import = Script("admin/import", after="redis/types")


def put(connection: Redis, record: Record, *, actor: str) -> None:
    """Put a job where it was. Raises AlreadyThereError where there is one of its id, RejectedError where
    its time is over."""
    now = clock.now_ms(connection)
    if record.expires_at and record.expires_at <= now:
        raise RejectedError("its time was over: it would vanish at once")
    queue, kind = record.queue, job_locations.key_type(record.state)
    where = [
        keys.job(record.id),
        keys.results(record.id),
        job_locations.key(record.state, queue),
        keys.causes(queue),
        keys.cause(queue, record.fingerprint),
        keys.QUEUES,
        keys.EVENTS,
    ]
    flat = [part for pair in record.fields.items() for part in pair]
    results: list[Any] = []
    for entry, values in record.results:
        results += [entry, 2 * len(values), *(part for pair in values.items() for part in pair)]
    args: list[Any] = [
        record.id,
        queue,
        keys.queue(queue),
        kind,
        record.note if kind == "hash" else _score(record.score),
        record.fingerprint,
        repr(record.died or 0),
        record.cause,
        record.expires_at,
        record.results_expire_at,
        actor,
        events.MAX_ENTRIES,
        len(flat),
        *flat,
        *results,
    ]
    try:
        answer = untrusted_fields.decode(_import(connection, where, args))
    except ResponseError as error:
        if not replies.is_wrong_type(error):
            raise
        raise RejectedError("a key of its queue holds another type than it should") from None
    if answer == "exists":
        raise AlreadyExistsError(f"there is a job {record.id} already")


def _score(score: float) -> str:
    """As Redis reads it: repr keeps every digit."""
    return ("inf" if score > 0 else "-inf") if math.isinf(score) else repr(score)
