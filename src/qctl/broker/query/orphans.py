"""Orphans: jobs whose hash says that they wait, run or are due, and that are in no place where anybody looks.

Stock RQ leaves them where a worker or a producer dies between two of its steps, and by now nobody would ever run them.
The hashes are read by SCAN, in steps; a job that moves meanwhile is looked for again before it is called an orphan.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from redis import Redis

from qctl.broker.query import job_locations
from qctl.broker.redis import clock, keys, replies, untrusted_fields
from qctl.models import Progress, State

MIN_AGE_SECONDS = 300.0
"""Seconds since anything was written to a job before it can be one: producers and workers are between two steps for
milliseconds."""

STEP = 1000
"""Keys of Redis that are looked at in one round trip."""

AT_ONCE = 50_000
"""Jobs that are looked for in the queues at once: some 10 MB, and one reading of each queue."""

_STATES: dict[bytes, State] = {b"queued": "queued", b"started": "started", b"scheduled": "scheduled"}
"""Deferred jobs are missing here: what they wait for enqueues them, wherever they are."""

_FIELDS = ("status", "origin", "enqueued_at", "started_at", "created_at", "last_heartbeat")


@dataclass(frozen=True)
class Orphan:
    """A job in no place: its id, its queue, and the state that its hash says."""

    id: bytes
    queue: str
    state: State


def find(connection: Redis, progress: Progress) -> Iterator[Orphan]:
    """Every orphan. `progress` is told how many keys were looked at, of about how many. Writes nothing."""
    old = _old_jobs(connection, progress)
    while some := list(islice(old, AT_ONCE)):
        # What was enqueued or claimed between the two readings is seen by the second.
        yield from _missing(connection, _missing(connection, some))


def _old_jobs(connection: Redis, progress: Progress) -> Iterator[Orphan]:
    before = clock.now_ms(connection) / 1000 - MIN_AGE_SECONDS
    total, seen, cursor = int(connection.dbsize()), 0, 0
    pattern = "".join(f"\\{char}" if char in "*?[]\\" else char for char in keys.JOB_PREFIX) + "*"
    while True:
        cursor, found = connection.scan(cursor, match=pattern, count=STEP)
        with connection.pipeline(transaction=False) as pipe:
            for key in found:
                pipe.hmget(key, _FIELDS)
            answers = replies.execute(pipe) if found else []
        for key, answer in zip(found, answers, strict=True):
            status, origin, *times = replies.granted(answer, [None] * len(_FIELDS))
            state = _STATES.get(status or b"")
            known = [when.timestamp() for raw in times if (when := untrusted_fields.parse_time(raw))]
            if state and origin and known and max(known) < before:
                yield Orphan(key[len(keys.JOB_PREFIX) :], untrusted_fields.decode(origin), state)
        seen += STEP
        progress(min(seen, total), total)
        if not cursor:
            return


def _missing(connection: Redis, jobs: Iterable[Orphan]) -> list[Orphan]:
    """Those that are nowhere in their queue."""
    by_queue: dict[str, dict[bytes, Orphan]] = {}
    for job in jobs:
        by_queue.setdefault(job.queue, {})[job.id] = job
    return [job for queue, wanted in by_queue.items() for job in _left(connection, queue, wanted)]


def _left(connection: Redis, queue: str, wanted: dict[bytes, Orphan]) -> list[Orphan]:
    left = dict(wanted)
    for state in ("queued", "started", "scheduled", "quarantined"):
        if connection.type(job_locations.key(state, queue)) == b"none":
            continue
        for step in job_locations.read(connection, queue, state):
            for found in step:
                left.pop(found.id, None)
            if not left:
                return []
    for held in (connection.lrange(keys.intermediate(queue), 0, -1), connection.hkeys(keys.claims(queue))):
        for id_ in held:
            left.pop(id_, None)
    return list(left.values())
