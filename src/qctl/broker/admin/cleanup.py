"""Deletes old data on request: finished jobs, dead letters, results without a job.

It is read and deleted in steps of bounded memory, so that a million jobs take time but no more memory. The newest jobs
of each queue stay at any age: a queue that is seldom used shows its last jobs for ever.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Sequence

from redis import Redis

from qctl.broker.bookkeeping import audit
from qctl.broker.query import job_locations
from qctl.broker.redis import keys, replies, untrusted_fields
from qctl.broker.redis.scripts import Script
from qctl.models import Progress, State

JOBS_PER_CALL = 200
"""Jobs that a script call deletes, in less than 1 ms."""

KEYS_PER_READ = 1000

_delete_finished = Script("admin/delete_finished", after=("redis/types", "bookkeeping/step"))
_delete_results = Script("admin/delete_results", after=("redis/types", "bookkeeping/step"))


def expired_jobs(connection: Redis, queue: str, state: State, *, before: float, keep: int) -> Iterator[bytes]:
    """Yield ids of the jobs in a location that ended before a time (s since 1970), except the `keep` newest of all.

    A job without a time of its end stays. At most `keep` ids are in memory.
    """
    newest: list[tuple[float, bytes]] = []
    younger = 0
    for id_, ended in _end_times(connection, queue, state):
        if ended is None or ended >= before:
            younger += 1
        elif len(newest) < keep:
            heapq.heappush(newest, (ended, id_))
        else:
            yield heapq.heappushpop(newest, (ended, id_))[1] if keep else id_
    while len(newest) > max(0, keep - younger):
        yield heapq.heappop(newest)[1]


def _end_times(connection: Redis, queue: str, state: State) -> Iterator[tuple[bytes, float | None]]:
    """Yield every job of a location with the time of its end. Jobs may come and go meanwhile."""
    key = job_locations.key(state, queue)
    if connection.type(key) != b"zset":
        return
    cursor = 0
    while True:
        cursor, page = connection.zscan(key, cursor, count=KEYS_PER_READ)
        ids = list(dict.fromkeys(id_ for id_, _ in replies.scored_members(page)))
        with connection.pipeline(transaction=False) as pipe:
            for id_ in ids:
                # A job that never ran, such as a rejected message, has only the time of its creation.
                pipe.hmget(keys.job(untrusted_fields.decode(id_)), "ended_at", "created_at")
            answers = replies.execute(pipe)
        for id_, answer in zip(ids, answers, strict=True):
            times = map(untrusted_fields.parse_time, replies.field_values(answer, 2))
            ended = next((time for time in times if time), None)
            yield id_, ended.timestamp() if ended else None
        if not cursor:
            return


def delete_finished(
    connection: Redis, queue: str, ids: Iterable[bytes], progress: Progress, *, actor: str, reason: str = ""
) -> int:
    """Delete finished jobs for good, with an event for each step if there is a `reason`. Returns how many.

    It may be interrupted between two steps and run again.
    """
    done = 0
    for chunk in _chunks(ids, JOBS_PER_CALL):
        reply = _delete_finished(
            connection,
            finished=keys.finished(queue),
            job_prefix=keys.JOB_PREFIX,
            results_prefix=keys.results(""),
            dependents_suffix=keys.DEPENDENTS_SUFFIX,
            queue=queue,
            reason=reason,
            job_ids=chunk,
            **audit.step_values(actor),
        )
        done += replies.integer(reply)
        progress(done, None)
    return done


def orphaned_results(connection: Redis) -> Iterator[bytes]:
    """Yield the ids of jobs that are gone and have results: RQ leaves them if something else deleted the job."""
    prefix = keys.results("")
    names = connection.scan_iter(match=f"{keys.escape_pattern(prefix)}*", count=KEYS_PER_READ)
    for chunk in _chunks(names, KEYS_PER_READ):
        ids = [untrusted_fields.decode(key).removeprefix(prefix) for key in chunk]
        with connection.pipeline(transaction=False) as pipe:
            for id_ in ids:
                pipe.exists(keys.job(id_))
            answers = replies.execute(pipe)
        for id_, exists in zip(ids, answers, strict=True):
            if replies.integer(exists, 1) == 0:
                yield untrusted_fields.encode(id_)


def delete_results(connection: Redis, ids: Iterable[bytes], progress: Progress, *, actor: str) -> int:
    """Delete the results of jobs that are gone, with an event for each step. Returns how many."""
    done = 0
    for chunk in _chunks(ids, JOBS_PER_CALL):
        reply = _delete_results(
            connection,
            job_prefix=keys.JOB_PREFIX,
            results_prefix=keys.results(""),
            job_ids=chunk,
            **audit.step_values(actor),
        )
        done += replies.integer(reply)
        progress(done, None)
    return done


def _chunks(items: Iterable[bytes], size: int) -> Iterator[list[bytes]]:
    chunk: list[bytes] = []
    for item in items:
        chunk.append(item)
        if len(chunk) == size:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def unfinished_ids(connection: Redis, ids: Sequence[str]) -> set[str]:
    """Return the jobs that exist, also in the trash, and have not finished: their arguments may still be needed."""
    with connection.pipeline(transaction=False) as pipe:
        for id_ in ids:
            pipe.exists(keys.job(id_))
            pipe.hget(keys.job(id_), "status")
        answers = replies.execute(pipe)
    return {
        id_
        for id_, exists, status in zip(ids, answers[::2], answers[1::2], strict=True)
        if exists and status != b"finished"
    }
