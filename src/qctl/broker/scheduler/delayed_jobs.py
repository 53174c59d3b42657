"""Reads the scheduled jobs of RQ's registries and of a stock rq-scheduler, and runs, pauses or resumes one of them."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime, timezone

from redis import Redis
from rq.utils import utcformat
from rq_scheduler import Scheduler

from qctl.broker.bookkeeping import events
from qctl.broker.redis import clock, job_fields, keys, replies, untrusted_fields
from qctl.broker.redis.scripts import Script
from qctl.models import Timer, TimerKind

_timer = Script("scheduler/timer", after="redis/types")

PAUSED_DUE_SECONDS = 253_370_764_800
"""Due time (s since 1970) of a paused job: the year 9999, which every tool that lists it can show."""

_FIELDS = (
    *("description", "started_at", "ended_at", "repeats_left", "repeat_intervals"),
    *("number_of_retries", "retries_left", job_fields.PAUSED_BY, "status"),
)


def count_waiting(connection: Redis, queues: Sequence[str]) -> int:
    """Number of scheduled jobs of these queues."""
    with connection.pipeline(transaction=False) as pipe:
        for queue in queues:
            pipe.zcard(keys.scheduled(queue))
        return sum(map(replies.integer, replies.execute(pipe))) if queues else 0


def list_next(connection: Redis, queues: Sequence[str], limit: int) -> list[Timer]:
    """The `limit` scheduled jobs of these queues that are due first."""
    with connection.pipeline(transaction=False) as pipe:
        for queue in queues:
            pipe.zrange(keys.scheduled(queue), 0, limit - 1, withscores=True)
        rows_by_queue = list(map(replies.scored_members, replies.execute(pipe))) if queues and limit else []
    scheduled = [(queue, raw, due) for queue, rows in zip(queues, rows_by_queue, strict=False) for raw, due in rows]
    scheduled.sort(key=lambda row: row[2])
    return list(_read(connection, scheduled[:limit]))


def find_job(connection: Redis, job_id: str) -> Timer | None:
    """The job with this id if it is scheduled in the queue that its hash names."""
    queue = untrusted_fields.decode(_origin(connection, job_id))
    due = connection.zscore(keys.scheduled(queue), job_id) if queue else None
    if due is None:
        return None
    return next(_read(connection, [(queue, untrusted_fields.encode(job_id), due)]))


def _origin(connection: Redis, job_id: str) -> bytes | None:
    with connection.pipeline(transaction=False) as pipe:
        pipe.hget(keys.job(job_id), "origin")
        (answer,) = replies.execute(pipe)
    return replies.optional_bytes(answer)


def _read(connection: Redis, scheduled: Sequence[tuple[str, bytes, float]]) -> Iterator[Timer]:
    with connection.pipeline(transaction=False) as pipe:
        for _, raw, _ in scheduled:
            pipe.hmget(keys.job(untrusted_fields.decode(raw)), _FIELDS)
        answers = [replies.field_values(reply, len(_FIELDS)) for reply in replies.execute(pipe)] if scheduled else []
    for (queue, raw, due), values in zip(scheduled, answers, strict=True):
        yield _parse_timer(queue, untrusted_fields.decode(raw), due, dict(zip(_FIELDS, values, strict=True)))


def _parse_timer(queue: str, job_id: str, due: float, fields: Mapping[str, bytes | None]) -> Timer:
    repeats = untrusted_fields.parse_count(fields["repeats_left"])
    ran = bool(fields["started_at"])  # RQ writes it empty before the first run
    kind: TimerKind = "once"
    left: int | None = None
    if repeats is not None:
        kind, left = "repeat", repeats + 1  # RQ does not count the next run
    elif ran:
        kind, left = "retry", untrusted_fields.parse_count(fields["retries_left"])
    paused = due >= PAUSED_DUE_SECONDS
    return Timer(
        kind,
        job_id,
        untrusted_fields.function_name({"description": fields["description"]}) or "?",
        queue,
        next_at=None if paused else to_datetime(due),
        last_at=untrusted_fields.parse_time(fields["ended_at"]) or untrusted_fields.parse_time(fields["started_at"]),
        every=_intervals(fields["repeat_intervals"]),
        left=left,
        runs=untrusted_fields.parse_count(fields["number_of_retries"]) if kind == "retry" else None,
        paused_by=untrusted_fields.decode(fields[job_fields.PAUSED_BY]) or "?" if paused else None,
    )


def _intervals(raw: bytes | None) -> tuple[int, ...]:
    try:
        listed = json.loads(raw or b"[]")
    except (ValueError, RecursionError):
        return ()
    return tuple(n for n in listed if isinstance(n, int)) if isinstance(listed, list) else ()


def to_datetime(seconds: float) -> datetime | None:
    """A time (s since 1970) as a datetime, None if it is out of range."""
    return clock.optional_datetime(seconds * 1000)


def read_statuses(connection: Redis, ids: Collection[str]) -> dict[str, str]:
    """RQ's status of these jobs by id, empty for jobs without a hash."""
    sorted_ids = sorted(ids)
    with connection.pipeline(transaction=False) as pipe:
        for job_id in sorted_ids:
            pipe.hget(keys.job(job_id), "status")
        answers = replies.execute(pipe) if sorted_ids else []
    return {
        job_id: untrusted_fields.decode(replies.optional_bytes(answer))
        for job_id, answer in zip(sorted_ids, answers, strict=True)
    }


def apply_action(connection: Redis, job_id: str, queue: str, action: str, *, actor: str, foreign: bool = False) -> str:
    """Apply `run`, `pause` or `resume` to a job. `foreign` marks a job of a stock rq-scheduler, where it stays.

    Returns the reply of timer.lua: done, unchanged, absent, gone, limited, or a status.
    """
    reply = _timer(
        connection,
        scheduled=Scheduler.scheduled_jobs_key if foreign else keys.scheduled(queue),
        waiting=keys.queue(queue),
        queues=keys.QUEUES,
        job=keys.job(job_id),
        events=keys.EVENTS,
        job_id=job_id,
        action=action,
        actor=actor,
        now=utcformat(datetime.now(timezone.utc)),
        max_events=events.MAX_ENTRIES,
        queue=queue,
        paused_due=PAUSED_DUE_SECONDS,
        after_run="keep" if foreign else "",
    )
    return replies.word(reply)
