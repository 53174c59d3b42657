"""Every queue at one moment, in at most three round trips however many there are. Writes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from redis import Redis
from redis.client import Pipeline

from qctl import catalog
from qctl.broker import clock, counters, inspection, keys, pauses, replies
from qctl.models import Pause, QueueStats, RunningJob, Stats, Totals

_ASKED = (
    *("waiting", "started", "scheduled", "deferred", "finished", "failed"),
    *("quarantine", "head", "workers", "counts", "counts"),
)
"""What `_ask` asks of a queue, in its order."""


def names(connection: Redis) -> list[str]:
    """Every queue there is: those that were ever used, those of the catalog, those that are paused. Sorted."""
    with connection.pipeline(transaction=False) as pipe:
        pipe.smembers(keys.QUEUES)
        pipe.hkeys(keys.PAUSED)
        used, paused = replies.ask(pipe)
    return _names(replies.granted(used, set()), replies.granted(paused, []))


def _names(used: Iterable[bytes], paused: Iterable[bytes]) -> list[str]:
    known = {keys.queue_name(key) for key in used if inspection.text(key).startswith(keys.QUEUE_PREFIX)}
    return sorted(known | {inspection.text(name) for name in paused} | catalog.QUEUES.keys())


def waiting(connection: Redis, queue: str) -> int:
    """How many jobs wait in a queue."""
    return int(connection.llen(keys.queue(queue)))


def running(connection: Redis, queues: Iterable[str]) -> list[RunningJob]:
    """The jobs of these queues that run now."""
    found: dict[RunningJob, None] = {}
    for queue in queues:
        for execution in connection.zrange(keys.started(queue), 0, -1):
            found[RunningJob(inspection.text(execution).partition(":")[0], queue)] = None
    return list(found)


def stats(connection: Redis) -> Stats:
    """Every queue and the totals. A queue that cannot be read says so; the others are not affected."""
    with connection.pipeline(transaction=False) as pipe:
        pipe.time()
        pipe.smembers(keys.QUEUES)
        pipe.hgetall(keys.PAUSED)
        pipe.smembers(keys.WORKERS)
        time, used, held, registered = replies.ask(pipe)
    now = clock.milliseconds(time)
    raw_pauses = replies.granted(held, {})
    paused = pauses.parse(raw_pauses, now)
    queues = _names(replies.granted(used, set()), raw_pauses)
    workers = sorted(replies.granted(registered, set()))

    with connection.pipeline(transaction=False) as pipe:
        for key in workers:
            pipe.hmget(key, "birth", "death")
        for queue in queues:
            _ask(pipe, queue, now / 1000)
        answers = replies.ask(pipe)
    alive = {key for key, reply in zip(workers, answers, strict=False) if is_alive(replies.granted(reply, [None] * 2))}
    per_queue = [answers[start : start + len(_ASKED)] for start in range(len(workers), len(answers), len(_ASKED))]
    ages = _ages(connection, [answer[7] for answer in per_queue], now)
    found = [
        _queue_stats(queue, answer, age, pauses.of(paused, queue), alive, now)
        for queue, answer, age in zip(queues, per_queue, ages, strict=True)
    ]
    return Stats(clock.moment(now), found, _totals(found))


def is_alive(fields: Sequence[bytes | None]) -> bool:
    """Whether a worker lives, by `birth` and `death` of its hash, which is gone when its heartbeat stopped."""
    birth, death = fields
    return birth is not None and death is None


def _ask(pipe: Pipeline, queue: str, at: float) -> None:
    pipe.llen(keys.queue(queue))
    pipe.zcard(keys.started(queue))
    pipe.zcard(keys.scheduled(queue))
    pipe.zcard(keys.deferred(queue))
    pipe.zcard(keys.finished(queue))
    pipe.zcard(keys.failed(queue))
    pipe.hlen(keys.quarantine(queue))
    pipe.lindex(keys.queue(queue), 0)
    pipe.smembers(keys.queue_workers(queue))
    counters.ask(pipe, queue, at)


def _ages(connection: Redis, heads: Sequence[Any], now: int) -> list[float | None]:
    """How long the job at the head of each queue has waited, in seconds."""
    asked = [head for head in heads if isinstance(head, bytes)]
    if not asked:
        return [None] * len(heads)
    with connection.pipeline(transaction=False) as pipe:
        for head in asked:
            pipe.hmget(keys.job(inspection.text(head)), "enqueued_at", "created_at")
        answers = iter(replies.ask(pipe))
    ages: list[float | None] = []
    for head in heads:
        times = replies.granted(next(answers), [None] * 2) if isinstance(head, bytes) else [None]
        since = next((when for raw in times if (when := inspection.when(raw))), None)
        ages.append(max(0.0, now / 1000 - since.timestamp()) if since else None)
    return ages


def _queue_stats(
    queue: str, answers: Sequence[Any], age: float | None, pause: Pause | None, alive: set[bytes], now: int
) -> QueueStats:
    wrong = [what for what, answer in zip(_ASKED, answers, strict=True) if replies.is_wrong_type(answer)]
    if wrong:
        return QueueStats(queue, paused=pause, error=f"its key for {wrong[0]} holds another type than it should")
    depth, running_, scheduled, deferred, finished, failed, quarantined, _, workers, this, last = (
        replies.granted(answer, None) for answer in answers
    )
    in_rate, out_rate = _rates(this, last, depth, now / 1000)
    return QueueStats(
        name=queue,
        waiting=depth,
        running=running_,
        scheduled=scheduled,
        deferred=deferred,
        dead=failed + quarantined,
        finished=finished,
        oldest_age=age,
        in_rate=in_rate,
        out_rate=out_rate,
        paused=pause,
        workers=len(workers & alive),
    )


def _rates(
    this: list[bytes | None], last: list[bytes | None], depth: int, at: float
) -> tuple[float | None, float | None]:
    """Jobs a second that come and that finish, None where nobody counts."""
    try:
        window = counters.window(this, last, at)
    except ValueError:
        return None, None
    if not window.now and not window.before:
        return None, None
    return window.arrivals(depth), window.rate("finished")


def _totals(queues: Iterable[QueueStats]) -> Totals:
    """The totals. What is scheduled (retries too) or deferred is still to be run: it is pending."""
    pending = running_ = completed = failed = 0
    for queue in queues:
        pending += queue.waiting + queue.scheduled + queue.deferred
        running_ += queue.running
        completed += queue.finished
        failed += queue.dead
    return Totals(pending, running_, completed, failed, pending + running_ + completed + failed)
