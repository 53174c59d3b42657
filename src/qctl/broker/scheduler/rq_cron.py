"""Reads the entries of RQ's own `rq cron` (RQ 2.5 and later), which qctl shows and leaves alone.

Each of its schedulers keeps its name, with the time of its last heartbeat, in the set of schedulers. RQ 3 also keeps
its entries, as JSON in a hash that expires two minutes after the last heartbeat. The next times in the hash are those
of when it was written, so they are computed again. RQ 2.5 and 2.6 keep no entries: only the process knows them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from redis import Redis
from rq import cron_scheduler_registry

from qctl.broker.redis import clock, key_prefix, replies, untrusted_fields
from qctl.broker.scheduler.recurrence import Recurrence
from qctl.errors import QctlError
from qctl.models import Schedule

MAX_SCHEDULERS = 100

MAX_ENTRIES = 1000
"""Entries of one scheduler that are read."""

MAX_SLEEP_SECONDS = 60.0
"""Time (s) that `rq cron` sleeps at most between two heartbeats; less if an entry is due before."""

GRACE_SECONDS = 15.0
"""Time (s) after which a heartbeat that is due counts as missing."""

SOURCE = "rq-cron"

SCHEDULERS = cron_scheduler_registry.get_registry_key()
"""ZSET scheduler -> its last heartbeat (s)."""


def scheduler_key(name: str) -> str:
    """HASH of one scheduler, with its entries; it expires two minutes after the last heartbeat."""
    return f"{key_prefix.RQ}:cron_scheduler:{name}"


@dataclass(frozen=True)
class CronScheduler:
    """One process of `rq cron`. `silent_for` is the time (s) since its last heartbeat; it is not `alive` if that is
    longer than it ever sleeps. `lists_entries` is False if its entries are not in Redis."""

    name: str
    silent_for: float
    alive: bool
    lists_entries: bool = True
    schedules: list[Schedule] = field(default_factory=list)


def read(connection: Redis) -> list[CronScheduler]:
    """Return the schedulers that have not ended orderly, with their entries as far as Redis still has them."""
    found = replies.scored_members(connection.zrange(SCHEDULERS, 0, MAX_SCHEDULERS - 1, withscores=True))
    if not found:
        return []
    now = clock.now_ms(connection) / 1000
    with connection.pipeline(transaction=False) as pipe:
        for raw, _ in found:
            pipe.hget(scheduler_key(untrusted_fields.decode(raw)), "cron_jobs")
        answers = replies.execute(pipe)
    return [
        _scheduler(untrusted_fields.decode(raw), max(0.0, now - seen), replies.optional_bytes(answer), now)
        for (raw, seen), answer in zip(found, answers, strict=True)
    ]


def _scheduler(name: str, silent_for: float, raw: bytes | None, now: float) -> CronScheduler:
    try:
        entries = json.loads(raw or b"[]")
    except (ValueError, RecursionError):
        entries = []
    rows = [entry for entry in entries[:MAX_ENTRIES] if isinstance(entry, dict)] if isinstance(entries, list) else []
    intervals = [every for row in rows if (every := _interval(row))]
    alive = silent_for < min([MAX_SLEEP_SECONDS, *intervals]) + GRACE_SECONDS
    problem = None if alive else f"its scheduler {name} died: no heartbeat for {silent_for:.0f} s"
    return CronScheduler(name, silent_for, alive, raw is not None, [_schedule(row, now, problem) for row in rows])


def _schedule(row: Mapping[str, Any], now: float, problem: str | None) -> Schedule:
    function, every = str(row.get("func_name", "?")), _interval(row)
    cron = row["cron"] if isinstance(row.get("cron"), str) else None
    last = untrusted_fields.parse_time(_bytes(row.get("latest_enqueue_time")))
    due = untrusted_fields.parse_time(_bytes(row.get("next_enqueue_time")))
    return Schedule(
        str(row.get("name") or function),
        function,
        str(row.get("queue_name", "?")),
        cron,
        every,
        next_at=None if problem else _next(cron, every, due or last, now),
        last_at=last,
        source=SOURCE,
        problem=problem,
    )


def _next(cron: str | None, every: int | None, due: datetime | None, now: float) -> datetime | None:
    """Return the first time after now."""
    try:
        if due is not None and due.timestamp() >= now:
            return due
        if every:
            start = due.timestamp() if due else now
            return datetime.fromtimestamp(start + every * (int((now - start) // every) + 1), timezone.utc)
        return datetime.fromtimestamp(Recurrence(cron, None, "UTC").after(int(now)), timezone.utc) if cron else due
    except (ValueError, OverflowError, OSError, QctlError):
        return due


def _interval(row: Mapping[str, Any]) -> int | None:
    every = row.get("interval")
    return every if isinstance(every, int) and not isinstance(every, bool) and every > 0 else None


def _bytes(value: object) -> bytes | None:
    return value.encode() if isinstance(value, str) else None
