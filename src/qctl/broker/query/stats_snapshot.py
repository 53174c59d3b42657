"""Statistics of every queue at one moment, in four round trips for any number of queues. Writes nothing.

The trips read the list of queues; counts and registries; what depends on these (the age of the oldest job, durations,
entries of registries); and, if registries have entries, whether their jobs exist.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING

from redis import Redis
from redis.exceptions import NoPermissionError

from qctl import catalog
from qctl.broker.query import dead_claims, job_locations
from qctl.broker.query.queue_snapshot import QueueSnapshot
from qctl.broker.query.unreal_jobs import EntryCheck
from qctl.broker.redis import clock, key_prefix, keys, limit_keys, replies, untrusted_fields
from qctl.broker.worker import current_pauses
from qctl.models import RunningJob, Stats, Totals, UnrealJobs

if TYPE_CHECKING:
    from qctl.models import Pause, QueueStats, State

MAX_DURATION_MINUTES = 1000
"""Minutes of durations read for all queues together, in about 0.05 s. If more queues are busy, the percentiles
of each cover fewer minutes."""


HIDDEN = f"this user may not read qctl's keys: pauses, rates, quarantines are missing; it needs ~{key_prefix.OWN_KEYS}"
"""Explanation of statistics of RQ's keys alone."""


def queue_names(connection: Redis) -> list[str]:
    """Return every queue that was ever used, is in the catalog, or is paused, sorted."""
    with connection.pipeline(transaction=False) as pipe:
        pipe.smembers(keys.QUEUES)
        pipe.hkeys(keys.PAUSED)
        used, paused = replies.execute(pipe)
    return _names(replies.bytes_set(used), replies.bytes_list(paused))


def _names(used: Iterable[bytes], paused: Iterable[bytes]) -> list[str]:
    return sorted(_known(used, paused) | catalog.QUEUES.keys())


def _known(used: Iterable[bytes], paused: Iterable[bytes]) -> set[str]:
    """Return the queues that were ever used or are paused."""
    known = {keys.queue_name(key) for key in used if untrusted_fields.decode(key).startswith(keys.QUEUE_PREFIX)}
    return known | {untrusted_fields.decode(name) for name in paused}


def _has_anything(queue: QueueStats) -> bool:
    """Tell whether a queue has jobs, workers, or keys that cannot be read."""
    jobs = queue.waiting + queue.running + queue.scheduled + queue.deferred + queue.dead + queue.finished
    return bool(jobs or queue.workers or queue.error)


def count_waiting(connection: Redis, queue: str) -> int:
    """Return how many jobs wait in a queue."""
    return replies.integer(connection.llen(keys.queue(queue)))


def running_jobs(connection: Redis, queues: Iterable[str]) -> list[RunningJob]:
    """Return the running jobs of these queues: those with a lease of RQ's, or a claim by a worker of qctl. A job that a
    dead worker left, and that nobody recovers, does not run."""
    now = clock.now_ms(connection) / 1000
    leases = dead_claims.read(connection)
    jobs: dict[RunningJob, None] = {}
    for queue in queues:
        with connection.pipeline(transaction=False) as pipe:
            pipe.zrange(keys.started(queue), 0, -1, withscores=True)
            pipe.hgetall(keys.claims(queue))
            runs, raw_claims = replies.execute(pipe)
        claims = replies.bytes_dict(raw_claims)
        for member, ends in replies.scored_members(runs):
            id_ = job_locations.started_job_id(member)
            if (ends > now or id_ in claims) and not leases.is_left(claims.get(id_)):
                jobs[RunningJob(untrusted_fields.decode(id_), queue)] = None
    return list(jobs)


def stats(connection: Redis, only: Collection[str] | None = None) -> Stats:
    """Return statistics of every queue, or of those in `only` that exist, and the totals.

    A queue that cannot be read has an error in its statistics; the others are not affected. Raises NoPermissionError
    if this user may not read RQ's list of queues: the others of its keys are hidden too.
    """
    with connection.pipeline(transaction=False) as pipe:
        pipe.time()
        pipe.smembers(keys.QUEUES)
        pipe.hgetall(keys.PAUSED)
        pipe.smembers(keys.WORKERS)
        pipe.hgetall(limit_keys.LIMITS)
        time, used, raw_pauses, registered, raw_limits = replies.execute(pipe)
    if isinstance(used, NoPermissionError):
        raise used
    now = clock.reply_ms(time)
    pauses_by_name = replies.bytes_dict(raw_pauses)
    paused = current_pauses.parse(pauses_by_name, now)
    queues = [name for name in _names(replies.bytes_set(used), pauses_by_name) if only is None or name in only]
    workers = sorted(replies.bytes_set(registered))

    snapshots = [QueueSnapshot(queue, now / 1000) for queue in queues]
    with connection.pipeline(transaction=False) as pipe:
        for key in workers:
            pipe.hmget(key, "birth", "death")
        for snapshot in snapshots:
            snapshot.stage_first(pipe)
        answers = iter(replies.execute(pipe))
    alive = {key for key in workers if is_alive(replies.field_values(next(answers), 2))}
    for snapshot in snapshots:
        snapshot.take_first(answers)
    busy = sum(bool(snapshot.busy_minutes) for snapshot in snapshots)
    check = EntryCheck([size for snapshot in snapshots for size in snapshot.sizes], now / 1000)
    with connection.pipeline(transaction=False) as pipe:
        for snapshot in snapshots:
            snapshot.stage_second(pipe, max(1, MAX_DURATION_MINUTES // max(1, busy)))
        check.stage_members(pipe)
        answers = iter(replies.execute(pipe))
    for snapshot in snapshots:
        snapshot.take_second(answers)
    check.take_members(answers)
    unreal = check.count(connection)
    limited = _limits(replies.bytes_dict(raw_limits), now)
    rows = [
        snapshot.to_stats(current_pauses.find(paused, snapshot.name), alive, unreal.get(snapshot.name, UnrealJobs()))
        for snapshot in snapshots
    ]
    rows = [replace(row, limit=limited.get(catalog.base_queue(row.name), "")) for row in rows] if limited else rows
    known = set(_known(replies.bytes_set(used), pauses_by_name))
    rows = [row if row.name in known or _has_anything(row) else replace(row, unused=True) for row in rows]
    return Stats(clock.to_datetime(now), rows, Totals.of(rows), hidden=HIDDEN if replies.is_hidden(raw_pauses) else "")


def _limits(raw: Mapping[bytes, bytes], now_ms: int) -> dict[str, str]:
    """Return the limits of queues by name."""
    if not raw:
        return {}
    from qctl.broker.query import limits  # its models take longer to import than this module

    return {limit.name: limit.text for limit in limits.parse(raw, now_ms) if limit.scope == "queue"}


_COUNTED_STATES: tuple[State, ...] = (
    *("queued", "started", "scheduled", "deferred", "finished", "failed", "quarantined"),
)
"""States whose jobs `refresh_counts` counts."""


def refresh_counts(connection: Redis, before: Stats) -> Stats:
    """Return statistics with current counts and pauses, at a tenth of the cost of `stats`.

    Ages, rates and durations stay as they were. Queues that are gone are left out, and new ones are read in full.
    """
    with connection.pipeline(transaction=False) as pipe:
        pipe.time()
        pipe.smembers(keys.QUEUES)
        pipe.hgetall(keys.PAUSED)
        time, used, raw_pauses = replies.execute(pipe)
    now = clock.reply_ms(time)
    pauses_by_name = replies.bytes_dict(raw_pauses)
    paused = current_pauses.parse(pauses_by_name, now)
    names = set(_names(replies.bytes_set(used), pauses_by_name))
    known = [queue for queue in before.queues if queue.name in names]
    new = names - {queue.name for queue in known}
    locations = [(queue.name, state) for queue in known for state in _COUNTED_STATES]
    sizes = iter(job_locations.sizes(connection, locations))
    rows = [
        _with_counts(queue, list(islice(sizes, len(_COUNTED_STATES))), current_pauses.find(paused, queue.name))
        for queue in known
    ]
    if new:
        rows = sorted((*rows, *stats(connection, new).queues), key=lambda queue: queue.name)
    return Stats(clock.to_datetime(now), rows, Totals.of(rows))


def _with_counts(queue: QueueStats, sizes: Sequence[int], pause: Pause | None) -> QueueStats:
    waiting, running, scheduled, deferred, finished, failed, quarantined = sizes
    gone = queue.unreal.of
    counts = {"waiting": waiting, "running": running - gone("started"), "scheduled": scheduled - gone("scheduled")}
    counts |= {"deferred": deferred - gone("deferred"), "finished": finished - gone("finished")}
    counts |= {"dead": failed + quarantined - gone("failed", "quarantined")}
    counts = {name: max(0, count) for name, count in counts.items()}
    changed = {name: count for name, count in counts.items() if count != getattr(queue, name)}
    if queue.error or not (changed or pause != queue.paused):
        return queue
    emptied = {} if waiting else {"oldest_age": None, "memory": 0}
    return replace(queue, **changed, **emptied, paused=pause, unused=False)  # type: ignore[arg-type]


def is_alive(fields: Sequence[bytes | None]) -> bool:
    """Tell whether a worker lives, by `birth` and `death` of its hash, which expires when its heartbeat stops."""
    birth, death = fields
    return birth is not None and death is None
