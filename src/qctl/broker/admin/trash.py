"""The trash: where destructive acts put jobs, so that they can be undone until the batch expires.

Every act goes in steps of one script call each. Between two steps each job is in exactly one place, so an act may be
interrupted at any moment and run again; `progress` is told after each step how many jobs are done.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Sequence
from datetime import datetime

from redis import Redis
from redis.exceptions import OutOfMemoryError

from qctl.broker.bookkeeping import events
from qctl.broker.redis import clock, job_fields, keys, replies, untrusted_fields
from qctl.broker.redis.scripts import Script
from qctl.errors import NotFoundError, RefusedError
from qctl.models import ClearResult, Progress, RestoreResult, TrashBatch

log = logging.getLogger(__name__)

STEP = 200
"""Jobs a script call takes: less than 1 ms, so that much slower machines keep P7 too."""

_clear = Script("admin/clear", after="redis/types")
_restore = Script("admin/restore", after="redis/types")
_purge = Script("admin/purge", after="redis/types")

_REGISTRIES = (keys.scheduled, keys.deferred, keys.finished, keys.failed, keys.canceled)
"""Where jobs come from that did not wait, in the order that `restore.lua` wants them."""

_ALPHABET = "23456789abcdefghijkmnpqrstuvwxyz"


class Batch:
    """What one act puts into the trash: one batch a queue, named after the first: `NAME`, `NAME.2`, ...

    `expires` is when it will be gone, in milliseconds. Nothing is written before the first job is put into it.
    """

    def __init__(self, connection: Redis, verb: str, *, actor: str, ttl: int) -> None:
        self._now = clock.now_ms(connection)
        self._verb, self._actor = verb, actor
        self._queues: dict[str, str] = {}
        self.name = _new_name(self._now)
        self.expires = self._now + ttl * 1000

    def of(self, queue: str) -> str:
        """The name of the batch of a queue."""
        number = len(self._queues) + 1
        return self._queues.setdefault(queue, self.name if number == 1 else f"{self.name}.{number}")

    def record(self, queue: str) -> list[str | int]:
        """The fields of its hash and their values, in turn."""
        at, expires = self._now, self.expires
        return ["queue", queue, "verb", self._verb, "by", self._actor, "at", at, "expires_at", expires]


def clear(connection: Redis, queue: str, *, actor: str, ttl: int, progress: Progress) -> ClearResult:
    """Move what waits in a queue to a new trash batch that expires in `ttl` seconds.

    Takes as many jobs as waited at the beginning, from the head. What runs, is scheduled or dead is not touched.
    """
    total = int(connection.llen(keys.queue(queue)))
    whole = Batch(connection, "clear", actor=actor, ttl=ttl)
    batch = whole.of(queue)
    removed = 0
    try:
        while removed < total:
            moved = int(
                _clear(
                    connection,
                    [keys.queue(queue), keys.trash_jobs(batch), keys.trash(batch), keys.TRASH],
                    [
                        min(STEP, total - removed),
                        keys.JOB_PREFIX,
                        keys.counts_prefix(queue),
                        batch,
                        job_fields.TRASH_BATCH,
                        whole.expires,
                        *whole.record(queue),
                    ],
                )
            )
            if not moved:
                break
            removed += moved
            progress(removed, total)
    finally:
        if removed:
            _tell(connection, "cleared", queue=queue, count=removed, actor=actor, reason=f"trash {batch}")
    return ClearResult(queue, removed, batch if removed else None)


def purge(connection: Redis, queue: str, *, actor: str, progress: Progress) -> ClearResult:
    """Delete what waits in a queue for good, with its results. It cannot be undone."""
    total = int(connection.llen(keys.queue(queue)))
    removed = 0
    try:
        while removed < total:
            left, _ = _delete(
                connection, [keys.queue(queue)], min(STEP, total - removed), counts=keys.counts_prefix(queue)
            )
            if not left:
                break
            removed += left
            progress(removed, total)
    finally:
        if removed:
            _tell(connection, "purged", queue=queue, count=removed, actor=actor)
    return ClearResult(queue, removed, None, purged=True)


def batches(connection: Redis) -> list[TrashBatch]:
    """What lies in the trash, newest first."""
    scored = [
        (untrusted_fields.decode(id_), ends) for id_, ends in connection.zrange(keys.TRASH, 0, -1, withscores=True)
    ]
    with connection.pipeline(transaction=False) as pipe:
        for id_, _ in scored:
            pipe.hmget(keys.trash(id_), "queue", "verb", "by", "at")
            pipe.llen(keys.trash_jobs(id_))
        answers = replies.execute(pipe)
    found = [
        _batch(id_, ends, replies.granted(record, [None] * 4), replies.granted(count, 0))
        for (id_, ends), record, count in zip(scored, answers[::2], answers[1::2], strict=True)
    ]
    return sorted(found, key=lambda batch: (batch.at, batch.id), reverse=True)


def restore(connection: Redis, batch: str | None, *, actor: str, progress: Progress) -> RestoreResult:
    """Put back what one act removed, the newest where None: jobs that waited to the head of their queue in the order
    they had, others into the state they were in.

    Jobs whose data is gone, or that were enqueued again meanwhile, are left out with an event each. Raises
    NotFoundError, and RefusedError where a batch does not say which queue it came from.
    """
    chosen = _choose(batches(connection), batch)
    for each in chosen:
        if not each.queue and not each.count:  # whoever restored it meanwhile has taken all of it
            raise NotFoundError(f"no trash batch {each.id}", hint="qctl trash list")
        if not each.queue:
            raise RefusedError(f"trash batch {each.id} does not say which queue it came from")
    total = sum(each.count for each in chosen)
    done = restored = 0
    for each in chosen:

        def told(now: int, before: int = done) -> None:
            progress(before + now, max(before + now, total))

        left, back = _put_back(connection, each, actor, told)
        done += left
        restored += back
    return RestoreResult(chosen[0].id, ", ".join(dict.fromkeys(each.queue for each in chosen)), restored)


def _put_back(connection: Redis, batch: TrashBatch, actor: str, progress: Callable[[int], None]) -> tuple[int, int]:
    """How many left the batch, and how many of them were put back."""
    queue = batch.queue
    where = [keys.trash_jobs(batch.id), keys.trash(batch.id), keys.TRASH, keys.queue(queue), keys.QUEUES, keys.EVENTS]
    where += [keys.trash_origins(batch.id), keys.quarantine(queue), keys.causes(queue)]
    where += [registry(queue) for registry in _REGISTRIES]
    counts = keys.counts_prefix(queue)
    args: list[str | int] = [
        STEP,
        keys.JOB_PREFIX,
        batch.id,
        job_fields.TRASH_BATCH,
        queue,
        actor,
        events.MAX_ENTRIES,
        counts,
    ]
    done = restored = 0
    try:
        while True:
            left, back = _restore(connection, where, [*args, keys.cause(queue, "")])
            if not left:
                return done, restored
            done += left
            restored += back
            progress(done)
    finally:
        if restored:
            _tell(connection, "restored", queue=queue, count=restored, actor=actor, reason=f"trash {batch.id}")


def empty(connection: Redis, batch: str | None, *, actor: str, progress: Progress) -> int:
    """Delete what one act removed for good, or all where None. Returns how many jobs. Raises NotFoundError."""
    found = batches(connection)
    chosen = found if batch is None else _choose(found, batch)
    total = sum(each.count for each in chosen)
    done = 0
    for each in chosen:

        def told(now: int, before: int = done) -> None:
            progress(before + now, total)

        done += _empty(connection, each, actor, each.count, told)
    return done


def expire(connection: Redis, limit: int = 10_000) -> int:
    """Delete batches whose time is over, at most `limit` jobs. Returns how many jobs."""
    over = {
        untrusted_fields.decode(id_) for id_ in connection.zrangebyscore(keys.TRASH, "-inf", clock.now_ms(connection))
    }
    done = 0
    for each in reversed(batches(connection) if over else []):
        if each.id in over and done < limit:
            done += _empty(connection, each, "time", limit - done, lambda _: None)
    return done


def _empty(connection: Redis, batch: TrashBatch, actor: str, most: int, progress: Callable[[int], None]) -> int:
    done = 0
    where = [keys.trash_jobs(batch.id), keys.trash(batch.id), keys.TRASH, keys.trash_origins(batch.id)]
    try:
        while True:
            left, _ = _delete(connection, where, min(STEP, max(1, most - done)), batch=batch.id)
            done += left
            if left:
                progress(done)
            if not left or done >= most:
                return done
    finally:
        if done:
            _tell(connection, "purged", queue=batch.queue or None, count=done, actor=actor, reason=f"trash {batch.id}")


def _delete(connection: Redis, where: list[str], most: int, *, batch: str = "", counts: str = "") -> tuple[int, int]:
    left, deleted = _purge(
        connection,
        where,
        [
            most,
            keys.JOB_PREFIX,
            keys.results(""),
            keys.dependents("").removeprefix(keys.job("")),
            batch,
            job_fields.TRASH_BATCH,
            counts,
        ],
    )
    return int(left), int(deleted)


def _tell(connection: Redis, event: str, **what: str | int | None) -> None:
    """Record what was done. A Redis that is full has no room for that; it is done all the same, and makes room."""
    try:
        events.record(connection, event, **what)
    except OutOfMemoryError:
        log.debug("Redis is full: no event tells of what was %s", event, exc_info=True)


def _choose(found: list[TrashBatch], batch: str | None) -> list[TrashBatch]:
    """The batches of one act: those of this name, or of the newest act."""
    if batch is None:
        if not found:
            raise NotFoundError("the trash is empty")
        batch = found[0].id.partition(".")[0]
    chosen = [each for each in found if each.id == batch or each.id.startswith(f"{batch}.")]
    if not chosen:
        raise NotFoundError(f"no trash batch {batch}", hint="qctl trash list")
    return sorted(chosen, key=lambda each: each.id)


def _new_name(now: int) -> str:
    """A name that can be read, told apart and sorted: 20261122-044512-x7f2."""
    return f"{clock.to_datetime(now):%Y%m%d-%H%M%S}-{''.join(secrets.choice(_ALPHABET) for _ in range(4))}"


def _batch(batch: str, ends: float, record: Sequence[bytes | None], count: int) -> TrashBatch:
    queue, verb, by, at = (untrusted_fields.decode(value) for value in record)
    return TrashBatch(batch, queue, verb, by, _time(at), _time(ends), count)


def _time(ms: str | float) -> datetime:
    """A time in milliseconds; one that cannot be read lies in 1970."""
    try:
        return clock.to_datetime(float(ms))
    except (ValueError, OverflowError, OSError):
        return clock.to_datetime(0)
