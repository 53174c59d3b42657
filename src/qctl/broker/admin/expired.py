"""What somebody asks to be removed because it is old: finished jobs, dead letters, results without a job.

Read and deleted in steps, with no more than what stays in memory, so that a million take time and nothing else. The
newest of each queue stay however old they are: a queue that is seldom used shows its last jobs for ever.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Sequence

from redis import Redis

from qctl.broker.query import job_locations
from qctl.broker.redis import keys, replies, untrusted_fields
from qctl.broker.redis.scripts import Argument, Script
from qctl.models import Progress, State

STEP = 200
"""Jobs that a script call deletes: less than 1 ms."""

AT_ONCE = 1000
"""Keys that are looked at in one round trip."""

_forget = Script("admin/forget")


def jobs(connection: Redis, queue: str, state: State, *, before: float, keep: int) -> Iterator[bytes]:
    """The ids of jobs in a place that ended before a time (seconds since 1970), but for the `keep` newest of all there.

    A job that does not say when it ended is left alone. Of those that may stay or go, it holds `keep` at a time.
    """
    newest: list[tuple[float, bytes]] = []
    younger = 0
    for id_, ended in _ended(connection, queue, state):
        if ended is None or ended >= before:
            younger += 1
        elif len(newest) < keep:
            heapq.heappush(newest, (ended, id_))
        else:
            yield heapq.heappushpop(newest, (ended, id_))[1] if keep else id_
    while len(newest) > max(0, keep - younger):
        yield heapq.heappop(newest)[1]


def _ended(connection: Redis, queue: str, state: State) -> Iterator[tuple[bytes, float | None]]:
    """Every job of a place with when it ended. Jobs may come and go meanwhile."""
    if connection.type(job_locations.key(state, queue)) != b"zset":
        return
    cursor = 0
    while True:
        cursor, found = connection.zscan(job_locations.key(state, queue), cursor, count=AT_ONCE)
        ids = list(dict.fromkeys(id_ for id_, _ in found))
        with connection.pipeline(transaction=False) as pipe:
            for id_ in ids:
                # What was never run, a message that was refused, tells when it was created.
                pipe.hmget(keys.job(untrusted_fields.decode(id_)), "ended_at", "created_at")
            answers = replies.execute(pipe)
        for id_, answer in zip(ids, answers, strict=True):
            when = next(
                (when for raw in replies.granted(answer, []) if (when := untrusted_fields.parse_time(raw))), None
            )
            yield id_, when.timestamp() if when else None
        if not cursor:
            return


def forget(connection: Redis, queue: str, ids: Iterable[bytes], progress: Progress) -> int:
    """Delete finished jobs for good. Returns how many. May be interrupted between two steps and run again."""
    done = 0
    for step in _chunks(ids, STEP):
        dependents = keys.dependents("").removeprefix(keys.job(""))
        args: list[Argument] = [keys.JOB_PREFIX, keys.results(""), dependents, *step]
        done += int(_forget(connection, [keys.finished(queue)], args))
        progress(done, None)
    return done


def orphans(connection: Redis) -> Iterator[bytes]:
    """The keys of results whose job is gone: RQ leaves those of jobs that something else deleted."""
    prefix = keys.results("")
    for found in _chunks(connection.scan_iter(match=f"{_escaped(prefix)}*", count=AT_ONCE), AT_ONCE):
        with connection.pipeline(transaction=False) as pipe:
            for key in found:
                pipe.exists(keys.job(untrusted_fields.decode(key).removeprefix(prefix)))
            answers = replies.execute(pipe)
        yield from (key for key, there in zip(found, answers, strict=True) if replies.granted(there, 1) == 0)


def remove(connection: Redis, names: Iterable[bytes], progress: Progress) -> int:
    """Delete keys. Returns how many there were."""
    done = 0
    for step in _chunks(names, STEP):
        done += int(connection.unlink(*step))
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


def _escaped(text: str) -> str:
    return "".join(f"\\{char}" if char in "*?[]\\" else char for char in text)


def unfinished(connection: Redis, ids: Sequence[str]) -> set[str]:
    """Those of the jobs that are there, in the trash too, and have not finished: their arguments may be needed yet."""
    with connection.pipeline(transaction=False) as pipe:
        for id_ in ids:
            pipe.exists(keys.job(id_))
            pipe.hget(keys.job(id_), "status")
        answers = replies.execute(pipe)
    return {
        id_
        for id_, there, status in zip(ids, answers[::2], answers[1::2], strict=True)
        if there and status != b"finished"
    }
