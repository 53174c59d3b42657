"""Finds orphans: jobs whose hash says that they wait, run or are due, but whose queue does not list them.

Stock RQ leaves them if a worker or a producer dies between two steps, and nothing runs them afterwards. The hashes are
read by SCAN, page by page; a job that moves meanwhile is searched for again before it counts as an orphan.
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
"""Age of the last change to a job after which it may be an orphan: producers and workers take milliseconds between two
steps."""

KEYS_PER_READ = 1000

JOBS_PER_SEARCH = 50_000
"""Jobs searched for in one reading of their queues: about 10 MB."""

_STATES: dict[bytes, State] = {b"queued": "queued", b"started": "started", b"scheduled": "scheduled"}
"""Statuses of jobs that can be orphans. Deferred jobs cannot: their dependencies enqueue them in any case."""

_FIELDS = ("status", "origin", "enqueued_at", "started_at", "created_at", "last_heartbeat")


@dataclass(frozen=True)
class Orphan:
    """A job in no location, with the queue and the state that its hash has."""

    id: bytes
    queue: str
    state: State


def find(connection: Redis, progress: Progress) -> Iterator[Orphan]:
    """Yield every orphan. `progress` gets the number of keys that were read, and of all. Writes nothing."""
    old_jobs = _old_jobs(connection, progress)
    while page := list(islice(old_jobs, JOBS_PER_SEARCH)):
        # The second reading sees the jobs that were enqueued or claimed since the first.
        yield from _missing(connection, _missing(connection, page))


def _old_jobs(connection: Redis, progress: Progress) -> Iterator[Orphan]:
    before = clock.now_ms(connection) / 1000 - MIN_AGE_SECONDS
    total, seen, cursor = replies.integer(connection.dbsize()), 0, 0
    pattern = f"{keys.escape_pattern(keys.JOB_PREFIX)}*"
    while True:
        cursor, page = connection.scan(cursor, match=pattern, count=KEYS_PER_READ)
        names = replies.bytes_list(page)
        with connection.pipeline(transaction=False) as pipe:
            for name in names:
                pipe.hmget(name, _FIELDS)
            answers = replies.execute(pipe) if names else []
        for name, answer in zip(names, answers, strict=True):
            status, origin, *raw_times = replies.field_values(answer, len(_FIELDS))
            state = _STATES.get(status or b"")
            times = [time.timestamp() for raw in raw_times if (time := untrusted_fields.parse_time(raw))]
            if state and origin and times and max(times) < before:
                yield Orphan(name[len(keys.JOB_PREFIX) :], untrusted_fields.decode(origin), state)
        seen += KEYS_PER_READ
        progress(min(seen, total), total)
        if not cursor:
            return


def _missing(connection: Redis, jobs: Iterable[Orphan]) -> list[Orphan]:
    """Return the jobs that their queue does not list."""
    by_queue: dict[str, dict[bytes, Orphan]] = {}
    for job in jobs:
        by_queue.setdefault(job.queue, {})[job.id] = job
    return [job for queue, jobs_by_id in by_queue.items() for job in _missing_from(connection, queue, jobs_by_id)]


def _missing_from(connection: Redis, queue: str, jobs_by_id: dict[bytes, Orphan]) -> list[Orphan]:
    missing = dict(jobs_by_id)
    for state in ("queued", "started", "scheduled", "quarantined"):
        if connection.type(job_locations.key(state, queue)) == b"none":
            continue
        for page in job_locations.read(connection, queue, state):
            for entry in page:
                missing.pop(entry.id, None)
            if not missing:
                return []
    unstarted = replies.bytes_list(connection.lrange(keys.intermediate(queue), 0, -1))
    for id_ in (*unstarted, *replies.bytes_list(connection.hkeys(keys.claims(queue)))):
        missing.pop(id_, None)
    return list(missing.values())
