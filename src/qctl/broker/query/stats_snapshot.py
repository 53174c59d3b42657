"""Every queue at one moment, in at most three round trips however many there are. Writes nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING

from redis import Redis

from qctl import catalog
from qctl.broker.query import job_locations
from qctl.broker.query.queue_snapshot import QueueReading
from qctl.broker.redis import clock, keys, replies, untrusted_fields
from qctl.broker.worker import pauses
from qctl.models import RunningJob, Stats, Totals

if TYPE_CHECKING:
    from qctl.models import Pause, QueueStats, State

MOST_MINUTES = 1000
"""Minutes of durations that are read of all queues together: some 0.05 s. Where more queues are busy, their
percentiles are of fewer minutes."""


def names(connection: Redis) -> list[str]:
    """Every queue there is: those that were ever used, those of the catalog, those that are paused. Sorted."""
    with connection.pipeline(transaction=False) as pipe:
        pipe.smembers(keys.QUEUES)
        pipe.hkeys(keys.PAUSED)
        used, paused = replies.execute(pipe)
    return _names(replies.granted(used, set()), replies.granted(paused, []))


def _names(used: Iterable[bytes], paused: Iterable[bytes]) -> list[str]:
    known = {keys.queue_name(key) for key in used if untrusted_fields.decode(key).startswith(keys.QUEUE_PREFIX)}
    return sorted(known | {untrusted_fields.decode(name) for name in paused} | catalog.QUEUES.keys())


def waiting(connection: Redis, queue: str) -> int:
    """How many jobs wait in a queue."""
    return int(connection.llen(keys.queue(queue)))


def running(connection: Redis, queues: Iterable[str]) -> list[RunningJob]:
    """The jobs of these queues that run now."""
    found: dict[RunningJob, None] = {}
    for queue in queues:
        for execution in connection.zrange(keys.started(queue), 0, -1):
            found[RunningJob(untrusted_fields.decode(execution).partition(":")[0], queue)] = None
    return list(found)


def stats(connection: Redis, only: Collection[str] | None = None) -> Stats:
    """Every queue and the totals, or those of `only` that there are. A queue that cannot be read says so; the others
    are not affected."""
    with connection.pipeline(transaction=False) as pipe:
        pipe.time()
        pipe.smembers(keys.QUEUES)
        pipe.hgetall(keys.PAUSED)
        pipe.smembers(keys.WORKERS)
        time, used, held, registered = replies.execute(pipe)
    now = clock.reply_ms(time)
    raw_pauses = replies.granted(held, {})
    paused = pauses.parse(raw_pauses, now)
    queues = [name for name in _names(replies.granted(used, set()), raw_pauses) if only is None or name in only]
    workers = sorted(replies.granted(registered, set()))

    found = [QueueReading(queue, now / 1000) for queue in queues]
    with connection.pipeline(transaction=False) as pipe:
        for key in workers:
            pipe.hmget(key, "birth", "death")
        for reading in found:
            reading.ask(pipe)
        answers = iter(replies.execute(pipe))
    alive = {key for key in workers if is_alive(replies.granted(next(answers), [None] * 2))}
    for reading in found:
        reading.take(answers)
    busy = sum(bool(reading.busy_minutes) for reading in found)
    with connection.pipeline(transaction=False) as pipe:
        for reading in found:
            reading.ask_more(pipe, max(1, MOST_MINUTES // max(1, busy)))
        answers = iter(replies.execute(pipe))
    for reading in found:
        reading.take_more(answers)
    told = [reading.told(pauses.of(paused, reading.name), alive) for reading in found]
    return Stats(clock.to_datetime(now), told, Totals.of(told))


_COUNTED: tuple[State, ...] = ("queued", "started", "scheduled", "deferred", "finished", "failed", "quarantined")
"""What `recounted` counts of every queue."""


def recounted(connection: Redis, before: Stats) -> Stats:
    """The same queues with their counts and pauses as they are now, those that are gone left out, new ones with all
    that is told of a queue. Ages, rates and durations are as they were. Costs a tenth of `stats`."""
    with connection.pipeline(transaction=False) as pipe:
        pipe.time()
        pipe.smembers(keys.QUEUES)
        pipe.hgetall(keys.PAUSED)
        time, used, held = replies.execute(pipe)
    now = clock.reply_ms(time)
    raw_pauses = replies.granted(held, {})
    paused = pauses.parse(raw_pauses, now)
    names = set(_names(replies.granted(used, set()), raw_pauses))
    kept = [queue for queue in before.queues if queue.name in names]
    new = names - {queue.name for queue in kept}
    sizes = iter(job_locations.sizes(connection, [(queue.name, state) for queue in kept for state in _COUNTED]))
    told = [_with_counts(queue, list(islice(sizes, len(_COUNTED))), pauses.of(paused, queue.name)) for queue in kept]
    if new:
        told = sorted((*told, *stats(connection, new).queues), key=lambda queue: queue.name)
    return Stats(clock.to_datetime(now), told, Totals.of(told))


def _with_counts(queue: QueueStats, sizes: Sequence[int], pause: Pause | None) -> QueueStats:
    waiting, running, scheduled, deferred, finished, failed, quarantined = sizes
    counts = {"waiting": waiting, "running": running, "scheduled": scheduled, "deferred": deferred}
    counts |= {"finished": finished, "dead": failed + quarantined}
    changed = {name: count for name, count in counts.items() if count != getattr(queue, name)}
    if queue.error or not (changed or pause != queue.paused):
        return queue
    of_waiting = {} if waiting else {"oldest_age": None, "memory": 0}
    return replace(queue, **changed, **of_waiting, paused=pause)  # type: ignore[arg-type]


def is_alive(fields: Sequence[bytes | None]) -> bool:
    """Whether a worker lives, by `birth` and `death` of its hash, which is gone when its heartbeat stopped."""
    birth, death = fields
    return birth is not None and death is None
