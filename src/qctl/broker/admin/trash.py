"""The trash: destructive actions put jobs into it, so that they can be undone until the batch expires.

Every action calls a script for a few jobs at a time. Between two calls each job is in exactly one location, so that the
action may be interrupted and run again; `progress` gets the number of jobs after each call.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

from redis import Redis

from qctl.broker.bookkeeping import audit
from qctl.broker.redis import clock, job_fields, keys, replies, untrusted_fields
from qctl.broker.redis.scripts import Script
from qctl.errors import NotFoundError, RefusedError
from qctl.models import ClearResult, Progress, RestoreResult, TrashBatch, TrashChoice

JOBS_PER_CALL = 200
"""Jobs that a script call takes, in less than 1 ms, so that Redis answers others in time on slow machines too."""

_PARTS = ("redis/types", "admin/count_removed", "bookkeeping/step")
"""Beginning of the scripts."""

_clear = Script("admin/clear", after=_PARTS)
_purge = Script("admin/purge", after=_PARTS)
_restore = Script("admin/restore", after=_PARTS)
_empty_batch = Script("admin/empty_batch", after=("redis/types", "bookkeeping/step"))
_end_batch = Script("admin/end_batch")

UNFINISHED_FIELD = "unfinished"
"""Field of a batch's hash while its action runs. It stays if the action was killed."""

_ID_ALPHABET = "23456789abcdefghijkmnpqrstuvwxyz"


class Batch:
    """Trash batch of one action, which consists of a batch for each queue: `NAME`, `NAME.2`, ...

    `expires_ms` is when it expires. Nothing is written before the first job is put into it.
    """

    def __init__(self, connection: Redis, verb: str, *, actor: str, ttl: int) -> None:
        self._now = clock.now_ms(connection)
        self._verb, self._actor = verb, actor
        self._ids: dict[str, str] = {}
        self.name = _new_name(self._now)
        self.expires_ms = self._now + ttl * 1000

    def id_for(self, queue: str) -> str:
        """Return the id of the batch of a queue."""
        number = len(self._ids) + 1
        return self._ids.setdefault(queue, self.name if number == 1 else f"{self.name}.{number}")

    def end(self, connection: Redis) -> None:
        """Mark the batches as complete."""
        if self._ids:
            batches = [keys.trash(batch_id) for batch_id in self._ids.values()]
            _end_batch(connection, batches=batches, unfinished_field=UNFINISHED_FIELD)

    def record(self, queue: str) -> list[str | int]:
        """Return the fields of the batch's hash, each followed by its value."""
        at, expires_ms = self._now, self.expires_ms
        return ["queue", queue, "verb", self._verb, "by", self._actor, "at", at, "expires_at", expires_ms]


def clear(connection: Redis, queue: str, *, actor: str, ttl: int, progress: Progress) -> ClearResult:
    """Move the waiting jobs of a queue to a new trash batch that expires in `ttl` seconds.

    Takes as many jobs as waited at the beginning, from the head. Running, scheduled and dead jobs are not touched.
    """
    batch = Batch(connection, "clear", actor=actor, ttl=ttl)
    batch_id = batch.id_for(queue)

    def call(limit: int) -> int:
        reply = _clear(
            connection,
            waiting=keys.queue(queue),
            batch_jobs=keys.trash_jobs(batch_id),
            batch=keys.trash(batch_id),
            batches=keys.TRASH,
            limit=limit,
            job_prefix=keys.JOB_PREFIX,
            counts_prefix=keys.counts_prefix(queue),
            batch_id=batch_id,
            batch_field=job_fields.TRASH_BATCH,
            changed_field=job_fields.CHANGED_AT,
            expires_ms=batch.expires_ms,
            record=batch.record(queue),
            unfinished_field=UNFINISHED_FIELD,
            queue=queue,
            **audit.step_values(actor),
        )
        return replies.integer(reply)

    removed = _remove_waiting(connection, queue, call, progress)
    batch.end(connection)
    return ClearResult(queue, removed, batch_id if removed else None)


def purge(connection: Redis, queue: str, *, actor: str, progress: Progress) -> ClearResult:
    """Delete the waiting jobs of a queue for good, with their results. It cannot be undone."""

    def call(limit: int) -> int:
        reply = _purge(
            connection,
            waiting=keys.queue(queue),
            limit=limit,
            job_prefix=keys.JOB_PREFIX,
            results_prefix=keys.results(""),
            dependents_suffix=keys.DEPENDENTS_SUFFIX,
            counts_prefix=keys.counts_prefix(queue),
            queue=queue,
            **audit.step_values(actor),
        )
        return replies.integer(reply)

    removed = _remove_waiting(connection, queue, call, progress)
    return ClearResult(queue, removed, None, purged=True)


def _remove_waiting(connection: Redis, queue: str, call: Callable[[int], int], progress: Progress) -> int:
    """Call a script until it has removed as many jobs as waited at the beginning. Returns how many were removed."""
    total = replies.integer(connection.llen(keys.queue(queue)))
    removed = 0
    for removed in _repeat(call, total):
        progress(removed, total)
    return removed


def _repeat(call: Callable[[int], int], total: int) -> Iterator[int]:
    """Call a script until it has taken `total` jobs or finds none. Yields how many it has taken after each call."""
    done = 0
    while done < total and (taken := call(min(JOBS_PER_CALL, total - done))):
        done += taken
        yield done


def batches(connection: Redis) -> list[TrashBatch]:
    """Return the batches in the trash, newest first."""
    scored = replies.scored_members(connection.zrange(keys.TRASH, 0, -1, withscores=True))
    expiries = [(untrusted_fields.decode(id_), expires_ms) for id_, expires_ms in scored]
    with connection.pipeline(transaction=False) as pipe:
        for id_, _ in expiries:
            pipe.hmget(keys.trash(id_), "queue", "verb", "by", "at", UNFINISHED_FIELD)
            pipe.llen(keys.trash_jobs(id_))
        answers = replies.execute(pipe)
    unsorted = [
        _batch(id_, expires_ms, replies.field_values(record, 5), replies.integer(count))
        for (id_, expires_ms), record, count in zip(expiries, answers[::2], answers[1::2], strict=True)
    ]
    return sorted(unsorted, key=lambda batch: (batch.at, batch.id), reverse=True)


def choose(connection: Redis, name: str | None, *, actor: str) -> TrashChoice:
    """Choose the batches of one action, for None of the newest action of `actor`. That may have been killed and run
    again: batches that its earlier runs made of the same queues are chosen too.

    Raises NotFoundError.
    """
    every = batches(connection)
    if name is not None:
        return TrashChoice(_of_action(every, name), [])
    own = [batch for batch in every if batch.by == actor]
    if every and not own:
        raise NotFoundError(
            f"the trash has nothing that {actor} removed; the last batch is of {every[0].by}",
            hint=f"qctl trash restore {every[0].id}",
        )
    newest = _of_action(own, None)
    return TrashChoice(newest, _unfinished_before(own, newest))


def restore(connection: Redis, wanted: str | TrashChoice | None, *, actor: str, progress: Progress) -> RestoreResult:
    """Put back the jobs of a batch, or of what `choose` chose or would choose.

    Jobs that waited go to the head of their queue in the order that they had, others into their state. Jobs whose data
    is gone, or that were enqueued again meanwhile, are left out with an event each. Raises NotFoundError, and
    RefusedError if a batch has no queue.
    """
    choice = wanted if isinstance(wanted, TrashChoice) else choose(connection, wanted, actor=actor)
    chosen = [*choice.batches, *choice.earlier]
    for batch in chosen:
        if not batch.queue and not batch.count:  # another operator has restored all of it meanwhile
            raise NotFoundError(f"no trash batch {batch.id}", hint="qctl trash list")
        if not batch.queue:
            raise RefusedError(f"trash batch {batch.id} does not say which queue it came from")
    total = sum(batch.count for batch in chosen)
    done = restored = 0
    for batch in chosen:

        def report(count: int, before: int = done) -> None:
            progress(before + count, max(before + count, total))

        taken, put_back = _restore_batch(connection, batch, actor, report)
        done += taken
        restored += put_back
    queues = ", ".join(dict.fromkeys(batch.queue for batch in chosen))
    return RestoreResult(chosen[0].id, queues, restored, tuple(batch.id for batch in choice.earlier))


def _restore_batch(connection: Redis, batch: TrashBatch, actor: str, report: Callable[[int], None]) -> tuple[int, int]:
    """Return how many jobs left the batch, and how many of them were put back."""
    queue = batch.queue
    done = restored = 0
    while True:
        reply = _restore(
            connection,
            batch_jobs=keys.trash_jobs(batch.id),
            batch=keys.trash(batch.id),
            batches=keys.TRASH,
            origins=keys.trash_origins(batch.id),
            waiting=keys.queue(queue),
            queues=keys.QUEUES,
            quarantine=keys.quarantine(queue),
            causes=keys.causes(queue),
            scheduled=keys.scheduled(queue),
            deferred=keys.deferred(queue),
            finished=keys.finished(queue),
            failed=keys.failed(queue),
            canceled=keys.canceled(queue),
            limit=JOBS_PER_CALL,
            job_prefix=keys.JOB_PREFIX,
            batch_id=batch.id,
            batch_field=job_fields.TRASH_BATCH,
            changed_field=job_fields.CHANGED_AT,
            queue=queue,
            cause_prefix=keys.cause(queue, ""),
            counts_prefix=keys.counts_prefix(queue),
            **audit.step_values(actor),
        )
        taken, put_back = map(replies.integer, replies.array(reply))
        if not taken:
            return done, restored
        done += taken
        restored += put_back
        report(done)


def empty(connection: Redis, name: str | None, *, actor: str, progress: Progress) -> int:
    """Delete the jobs that one action removed for good, or the whole trash for None. Returns how many jobs.

    Raises NotFoundError.
    """
    every = batches(connection)
    chosen = every if name is None else _of_action(every, name)
    total = sum(batch.count for batch in chosen)
    done = 0
    for batch in chosen:

        def report(count: int, before: int = done) -> None:
            progress(before + count, total)

        done += _empty(connection, batch, actor, batch.count, report)
    return done


def expire(connection: Redis, limit: int = 10_000) -> int:
    """Delete expired batches, at most `limit` jobs. Returns how many jobs."""
    raw_ids = replies.bytes_list(connection.zrangebyscore(keys.TRASH, "-inf", clock.now_ms(connection)))
    expired = {untrusted_fields.decode(id_) for id_ in raw_ids}
    done = 0
    for batch in reversed(batches(connection) if expired else []):
        if batch.id in expired and done < limit:
            done += _empty(connection, batch, "time", limit - done, lambda _count: None)
    return done


def _empty(connection: Redis, batch: TrashBatch, actor: str, limit: int, report: Callable[[int], None]) -> int:
    def call(count: int) -> int:
        reply = _empty_batch(
            connection,
            batch_jobs=keys.trash_jobs(batch.id),
            batch=keys.trash(batch.id),
            batches=keys.TRASH,
            origins=keys.trash_origins(batch.id),
            limit=count,
            job_prefix=keys.JOB_PREFIX,
            results_prefix=keys.results(""),
            dependents_suffix=keys.DEPENDENTS_SUFFIX,
            batch_id=batch.id,
            batch_field=job_fields.TRASH_BATCH,
            queue=batch.queue,
            **audit.step_values(actor),
        )
        return replies.integer(reply)

    done = 0
    for done in _repeat(call, max(1, limit)):  # a batch without jobs goes too
        report(done)
    return done


def _of_action(every: list[TrashBatch], name: str | None) -> list[TrashBatch]:
    """Return the batches of the action of this name, or of the newest action. Raises NotFoundError."""
    if name is None:
        if not every:
            raise NotFoundError("the trash is empty")
        name = every[0].id.partition(".")[0]
    chosen = [batch for batch in every if batch.id == name or batch.id.startswith(f"{name}.")]
    if not chosen:
        raise NotFoundError(f"no trash batch {name}", hint="qctl trash list")
    return sorted(chosen, key=lambda batch: batch.id)


def _unfinished_before(every: list[TrashBatch], newest: list[TrashBatch]) -> list[TrashBatch]:
    """Return the batches of the same action on the same queues that were left unfinished just before, newest first.

    `every` is in the order of `batches`. The first finished batch of a queue ends the search for that queue.
    """
    verbs = {batch.queue: batch.verb for batch in newest}
    unfinished: list[TrashBatch] = []
    for batch in every:
        if batch in newest or batch.queue not in verbs:
            continue
        if batch.unfinished and batch.verb == verbs[batch.queue]:
            unfinished.append(batch)
        else:
            del verbs[batch.queue]
    return unfinished


def _new_name(now_ms: int) -> str:
    """Return a name that is readable, unique and sorts by time: 20261122-044512-x7f2."""
    return f"{clock.to_datetime(now_ms):%Y%m%d-%H%M%S}-{''.join(secrets.choice(_ID_ALPHABET) for _ in range(4))}"


def _batch(batch_id: str, expires_ms: float, record: Sequence[bytes | None], count: int) -> TrashBatch:
    queue, verb, actor, at = map(untrusted_fields.decode, record[:4])
    return TrashBatch(batch_id, queue, verb, actor, _time(at), _time(expires_ms), count, record[4] is not None)


def _time(ms: str | float) -> datetime:
    """Return a time in milliseconds; 1970 if it is invalid."""
    try:
        return clock.optional_datetime(float(ms)) or clock.to_datetime(0)
    except ValueError:
        return clock.to_datetime(0)
