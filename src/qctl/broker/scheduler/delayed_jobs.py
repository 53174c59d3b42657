"""Jobs that wait for their time in RQ's registry of scheduled jobs, or in a stock rq-scheduler's: read, and hastened
or held one at a time."""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

from redis import Redis
from rq.utils import utcformat
from rq_scheduler import Scheduler

from qctl.broker.bookkeeping import events
from qctl.broker.redis import clock, job_fields, keys, replies, untrusted_fields
from qctl.broker.redis.scripts import Script
from qctl.models import Timer, TimerKind

_timer = Script("scheduler/timer", after="redis/types")

PAUSED_DUE_SECONDS = 253_370_764_800
"""When a job is due that is paused, in seconds: the year 9999, which every tool that lists it can still write."""

_FIELDS = (
    *("description", "started_at", "ended_at", "repeats_left", "repeat_intervals"),
    *("number_of_retries", "retries_left", job_fields.PAUSED_BY, "status"),
)


def count_waiting(connection: Redis, queues: Sequence[str]) -> int:
    """How many jobs of these queues wait for their time."""
    with connection.pipeline(transaction=False) as pipe:
        for queue in queues:
            pipe.zcard(keys.scheduled(queue))
        return sum(replies.granted(reply, 0) for reply in replies.execute(pipe)) if queues else 0


def list_next(connection: Redis, queues: Sequence[str], most: int) -> list[Timer]:
    """Those of these queues that come first, at most so many of each queue. Writes nothing."""
    with connection.pipeline(transaction=False) as pipe:
        for queue in queues:
            pipe.zrange(keys.scheduled(queue), 0, most - 1, withscores=True)
        found = [replies.granted(reply, []) for reply in replies.execute(pipe)] if queues and most else []
    placed = [(queue, raw, due) for queue, rows in zip(queues, found, strict=False) for raw, due in rows]
    placed.sort(key=lambda row: row[2])
    return list(_read(connection, placed[:most]))


def find_job(connection: Redis, job_id: str) -> Timer | None:
    """The job of this id, where it waits for its time in the queue that its hash names."""
    queue = untrusted_fields.decode(_origin(connection, job_id))
    due = connection.zscore(keys.scheduled(queue), job_id) if queue else None
    if due is None:
        return None
    return next(_read(connection, [(queue, untrusted_fields.encode(job_id), due)]))


def _origin(connection: Redis, job_id: str) -> bytes | None:
    with connection.pipeline(transaction=False) as pipe:
        pipe.hget(keys.job(job_id), "origin")
        (answer,) = replies.execute(pipe)
    found: bytes | None = replies.granted(answer, None)
    return found


def _read(connection: Redis, placed: Sequence[tuple[str, bytes, float]]) -> Iterator[Timer]:
    with connection.pipeline(transaction=False) as pipe:
        for _, raw, _ in placed:
            pipe.hmget(keys.job(untrusted_fields.decode(raw)), _FIELDS)
        answers = [replies.granted(reply, [None] * len(_FIELDS)) for reply in replies.execute(pipe)] if placed else []
    for (queue, raw, due), values in zip(placed, answers, strict=True):
        yield _timer_of(queue, untrusted_fields.decode(raw), due, dict(zip(_FIELDS, values, strict=True)))


def _timer_of(queue: str, job_id: str, due: float, fields: Mapping[str, bytes | None]) -> Timer:
    repeats = untrusted_fields.parse_count(fields["repeats_left"])
    ran = bool(fields["started_at"])  # RQ writes it empty before the first run
    kind: TimerKind = "once"
    left: int | None = None
    if repeats is not None:
        kind, left = "repeat", repeats + 1  # the run that is waited for is not among them
    elif ran:
        kind, left = "retry", untrusted_fields.parse_count(fields["retries_left"])
    held = due >= PAUSED_DUE_SECONDS
    return Timer(
        kind,
        job_id,
        untrusted_fields.function_name({"description": fields["description"]}) or "?",
        queue,
        next_at=None if held else to_datetime(due),
        last_at=untrusted_fields.parse_time(fields["ended_at"]) or untrusted_fields.parse_time(fields["started_at"]),
        every=_intervals(fields["repeat_intervals"]),
        left=left,
        runs=untrusted_fields.parse_count(fields["number_of_retries"]) if kind == "retry" else None,
        paused_by=untrusted_fields.decode(fields[job_fields.PAUSED_BY]) or "?" if held else None,
    )


def _intervals(raw: bytes | None) -> tuple[int, ...]:
    try:
        listed = json.loads(raw or b"[]")
    except (ValueError, RecursionError):
        return ()
    return tuple(n for n in listed if isinstance(n, int)) if isinstance(listed, list) else ()


def to_datetime(seconds: float) -> datetime | None:
    """A time, None where it is none that can be written."""
    try:
        return clock.to_datetime(seconds * 1000) if math.isfinite(seconds) else None
    except (ValueError, OverflowError, OSError):
        return None


def read_statuses(connection: Redis, ids: Collection[str]) -> dict[str, str]:
    """RQ's status of these jobs, empty for those that are forgotten."""
    listed = sorted(ids)
    with connection.pipeline(transaction=False) as pipe:
        for job_id in listed:
            pipe.hget(keys.job(job_id), "status")
        answers = replies.execute(pipe) if listed else []
    return {
        job_id: untrusted_fields.decode(replies.granted(answer, None))
        for job_id, answer in zip(listed, answers, strict=True)
    }


def apply_action(connection: Redis, job_id: str, queue: str, what: str, *, actor: str, foreign: bool = False) -> str:
    """Run a job now, pause it or resume it, by `what`. `foreign`: it is a stock rq-scheduler's, and stays with it.

    Returns what timer.lua does: done, so, absent, gone, limited, or a status.
    """
    place = Scheduler.scheduled_jobs_key if foreign else keys.scheduled(queue)
    now = utcformat(datetime.now(timezone.utc))
    args: list[Any] = [
        job_id,
        what,
        actor,
        now,
        events.MAX_ENTRIES,
        queue,
        PAUSED_DUE_SECONDS,
        "keep" if foreign else "",
    ]
    said: bytes = _timer(connection, [place, keys.queue(queue), keys.QUEUES, keys.job(job_id), keys.EVENTS], args)
    return said.decode()
