"""Dead letters by cause: from the index that qctl's workers keep, in two round trips however many there are.

Stock workers keep no index: their letters are read one by one, up to the number that may be scanned. Stock tools that
take a letter away do not know of the index either: where its numbers do not fit those of the registry, each of its
entries is looked up.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import islice
from typing import Any

from redis import Redis

from qctl.broker.bookkeeping import dead_letter_index
from qctl.broker.query import job_locations, job_summary
from qctl.broker.query.job_locations import JobEntry
from qctl.broker.query.job_summary import JobSummary
from qctl.broker.redis import clock, job_fields, keys, replies, untrusted_fields
from qctl.models import Cause, Causes, Scan, State

STEP = 1000
"""Letters of one cause that are read at once."""

QUARANTINED = "quarantined"
"""Stands for the exception of what no exception brought there."""


@dataclass
class _Tally:
    """What is known of one cause so far. Times in milliseconds."""

    parts: dict[str, str]
    count: int = 0
    queues: set[str] = field(default_factory=set)
    first: float | None = None
    last: float | None = None
    sample: str = ""

    def add(self, queue: str, job_id: str, count: int, times: Iterable[float | None]) -> None:
        """Add `count` letters that died at or between these times."""
        known = [at for at in (self.first, self.last, *times) if at is not None]
        self.count += count
        self.queues.add(queue)
        self.first, self.last = (min(known), max(known)) if known else (None, None)
        self.sample = self.sample or job_id


def groups(connection: Redis, queues: Sequence[str], scan: int | None) -> Causes:
    """All causes of these queues, the most frequent first. `scan` is the most letters that are read, None all."""
    return Causes.merged(by_queue(connection, queues, scan).values())


def by_queue(connection: Redis, queues: Sequence[str], scan: int | None) -> dict[str, Causes]:
    """The causes of each of these queues, by its name. `scan` is the most letters that are read in all, None all."""
    found: dict[str, Causes] = {}
    for queue in _queues(connection, queues):
        left = None if scan is None else max(0, scan)
        found[queue.name], looked = _of_queue(connection, queue, left)
        scan = None if scan is None else scan - looked
    return found


def _of_queue(connection: Redis, queue: _Queue, scan: int | None) -> tuple[Causes, int]:
    """The causes of one queue, and how many letters had to be looked at."""
    tallies: dict[str, _Tally] = {}
    for cause in queue.causes:
        if cause.count:
            tally = tallies.setdefault(cause.fingerprint, _Tally(cause.parts))
            tally.add(queue.name, cause.sample, cause.count, (cause.first, cause.last))
    looked = 0
    for looked, (parts, each) in enumerate(_unindexed(connection, queue, scan), 1):  # noqa: B007 - it is the count
        if parts is not None:
            tally = tallies.setdefault(dead_letter_index.fingerprint(parts), _Tally(parts))
            tally.add(queue.name, untrusted_fields.decode(each.found.id), 1, (_ms(each.since),))
    causes = [_cause(name, tally) for name, tally in tallies.items()]
    total = queue.failed + queue.quarantined
    ordered = sorted(causes, key=lambda cause: (-cause.count, cause.fingerprint))
    return Causes(ordered, min(total, sum(cause.count for cause in causes)), total), looked


def newest_letters(
    connection: Redis, queues: Sequence[str], fingerprint: str, most: int
) -> tuple[list[tuple[str, str, float]], int] | None:
    """The `most` letters of one cause that died last, the last first: queue, id and when, in milliseconds; and how many
    there are. None where the index does not know of all that may be of it."""
    known = list(_queues(connection, queues))
    if any(queue.unindexed for queue in known):
        return None
    where = [(q.name, c) for q in known for c in q.causes if c.fingerprint == fingerprint and c.count]
    total = sum(cause.count for _, cause in where)
    # Of more queues than letters only those count that have the last ones, and of these what died since.
    last = sorted((cause.last or 0.0 for _, cause in where), reverse=True)
    since = last[most - 1] if len(last) >= most > 0 else 0.0
    with connection.pipeline(transaction=False) as pipe:
        for queue, cause in where:
            if (cause.last or 0.0) >= since:
                pipe.zrevrangebyscore(keys.cause(queue, fingerprint), "+inf", since, 0, most, withscores=True)
        answers = iter(replies.execute(pipe))
    found = [
        (queue, untrusted_fields.decode(id_), died)
        for queue, cause in where
        if (cause.last or 0.0) >= since
        for id_, died in replies.granted(next(answers), [])
    ]
    there = _registered(connection, sorted(found, key=lambda each: (-each[2], each[1]))[:most])
    return (there, total) if len(there) == min(most, total) else None


def _registered(connection: Redis, letters: list[tuple[str, str, float]]) -> list[tuple[str, str, float]]:
    """Those that are in the registry: stock tools that take one away do not know of the index."""
    with connection.pipeline(transaction=False) as pipe:
        for queue, id_, _ in letters:
            pipe.zscore(keys.failed(queue), id_)
        scores = [replies.granted(answer, None) for answer in replies.execute(pipe)]
    return [letter for letter, score in zip(letters, scores, strict=True) if score is not None]


def letters(
    connection: Redis, queues: Sequence[str], fingerprint: str, scan: int | None
) -> tuple[list[tuple[str, State, list[JobEntry]]], Scan | None]:
    """The dead letters of one cause, and how many were scanned where that was not all."""
    found: list[tuple[str, State, list[JobEntry]]] = []
    scanned = total = 0
    for queue in _queues(connection, queues):
        for step in _entries(connection, queue.name, fingerprint):
            found.append((queue.name, "failed", [JobEntry(id_) for id_, _ in step]))
        total += queue.unindexed
        left = None if scan is None else max(0, scan - scanned)
        for parts, each in _unindexed(connection, queue, left):
            scanned += parts is not None
            if parts is not None and dead_letter_index.fingerprint(parts) == fingerprint:
                found.append((queue.name, each.state, [each.found]))
    return found, Scan(scanned, total) if scan is not None and scanned < total else None


def _cause(name: str, tally: _Tally) -> Cause:
    parts = tally.parts
    return Cause(
        fingerprint=name,
        count=tally.count,
        queues=sorted(tally.queues),
        function=parts["function"],
        exception=parts["exception"],
        message=parts["message"],
        frame=parts["frame"],
        first_seen=_moment(tally.first),
        last_seen=_moment(tally.last),
        sample=tally.sample,
    )


def _moment(ms: float | None) -> datetime | None:
    try:
        return None if ms is None else clock.to_datetime(ms)
    except (ValueError, OverflowError, OSError):
        return None


def _ms(when: datetime | None) -> float | None:
    return when.timestamp() * 1000 if when else None


# --- the index ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Indexed:
    """One cause in the index of one queue: how many letters, and when the first and the last of them died."""

    fingerprint: str
    parts: dict[str, str]
    count: int
    first: float | None
    last: float | None
    sample: str


@dataclass(frozen=True)
class _Queue:
    name: str
    failed: int
    quarantined: int
    causes: list[_Indexed]

    @property
    def unindexed(self) -> int:
        """How many letters the index does not know."""
        return max(0, self.failed - sum(cause.count for cause in self.causes)) + self.quarantined


def _queues(connection: Redis, queues: Sequence[str]) -> Iterator[_Queue]:
    """What the index says of each queue that has dead letters, put right where it says too much."""
    with connection.pipeline(transaction=False) as pipe:
        for queue in queues:
            pipe.hgetall(keys.causes(queue))
            job_locations.stage_size(pipe, "failed", queue)
            job_locations.stage_size(pipe, "quarantined", queue)
        answers = replies.execute(pipe)
    raw = [
        (
            name,
            replies.granted(causes, {}),
            replies.granted(failed, 0),
            replies.granted(quarantined, 0),
        )
        for name, causes, failed, quarantined in zip(queues, *(answers[n::3] for n in range(3)), strict=True)
    ]
    named = [
        (name, untrusted_fields.decode(print_), parts) for name, causes, *_ in raw for print_, parts in causes.items()
    ]
    indexed = iter(_indexed(connection, named))
    found = [
        _Queue(name, failed, quarantined, list(islice(indexed, len(causes))))
        for name, causes, failed, quarantined in raw
    ]
    stale = _stale(connection, found)
    for each in found:
        yield _recounted(connection, each) if each.name in stale else each


def _indexed(connection: Redis, named: Sequence[tuple[str, str, bytes]]) -> list[_Indexed]:
    with connection.pipeline(transaction=False) as pipe:
        for queue, fingerprint, _ in named:
            where = keys.cause(queue, fingerprint)
            pipe.zcard(where)
            pipe.zrange(where, 0, 0, withscores=True)
            pipe.zrange(where, 0, 0, desc=True, withscores=True)
        answers = [replies.granted(answer, None) for answer in replies.execute(pipe)]
    found = []
    for n, (_, fingerprint, parts) in enumerate(named):
        count, first, last = answers[3 * n : 3 * n + 3]
        (_, begun), (sample, ended) = (first or [(b"", None)])[0], (last or [(b"", None)])[0]
        found.append(_Indexed(fingerprint, _parts(parts), count or 0, begun, ended, untrusted_fields.decode(sample)))
    return found


def _parts(raw: bytes) -> dict[str, str]:
    """The parts of a fingerprint as the index has them; what it lacks is empty."""
    said = untrusted_fields.parse_object(raw)
    return {name: str(said.get(name, "")) for name in ("function", "exception", "message", "frame")}


def _stale(connection: Redis, queues: Sequence[_Queue]) -> set[str]:
    """The queues whose index holds what the registry does not: more, or a sample of a cause that is not there."""
    sampled = [(queue, [cause.sample for cause in queue.causes if cause.count]) for queue in queues]
    with connection.pipeline(transaction=False) as pipe:
        for queue, samples in sampled:
            if samples:
                pipe.zmscore(keys.failed(queue.name), samples)
        answers = iter(replies.execute(pipe))
    gone = {queue.name for queue, samples in sampled if samples and None in replies.granted(next(answers), [None])}
    return gone | {queue.name for queue in queues if sum(cause.count for cause in queue.causes) > queue.failed}


def _recounted(connection: Redis, queue: _Queue) -> _Queue:
    """The queue with causes that hold only what is in the registry still."""
    counted = []
    for cause in queue.causes:
        left = [each for step in _entries(connection, queue.name, cause.fingerprint) for each in step]
        first, last = (left[0], left[-1]) if left else ((b"", None), (b"", None))
        counted.append(
            replace(cause, count=len(left), first=first[1], last=last[1], sample=untrusted_fields.decode(last[0]))
        )
    return replace(queue, causes=counted)


def _entries(connection: Redis, queue: str, fingerprint: str) -> Iterator[list[tuple[bytes, float]]]:
    """The letters that the index has of a cause and the registry too, with when they died, the first to die first."""
    start = 0
    while True:
        with connection.pipeline(transaction=False) as pipe:
            pipe.zrange(keys.cause(queue, fingerprint), start, start + STEP - 1, withscores=True)
            step: list[tuple[bytes, float]] = replies.granted(replies.execute(pipe)[0], [])
        if not step:
            return
        with connection.pipeline(transaction=False) as pipe:
            pipe.zmscore(keys.failed(queue), [id_ for id_, _ in step])
            scores: list[Any] = replies.granted(replies.execute(pipe)[0], [None] * len(step))
        yield [each for each, score in zip(step, scores, strict=True) if score is not None]
        start += STEP


# --- what no index knows ------------------------------------------------------------------------------------


def _unindexed(
    connection: Redis, queue: _Queue, most: int | None
) -> Iterator[tuple[dict[str, str] | None, JobSummary]]:
    """Letters that the index does not know, with the parts of their fingerprints; None for those that it knows.

    At most `most` are looked at.
    """
    states: list[State] = ["quarantined"] if queue.quarantined else []
    if queue.unindexed > queue.quarantined:
        states.append("failed")
    for state in states:
        for step in job_locations.read(connection, queue.name, state):
            step = step if most is None else step[:most]
            known = _known(connection, queue, step) if state == "failed" else set()
            yield from ((None, JobSummary(queue.name, state, each)) for each in step if each.id in known)
            for read in job_summary.read(
                connection, queue.name, state, [each for each in step if each.id not in known]
            ):
                yield from ((_describe(each), each) for each in read)
            if most is not None:
                most -= len(step)
                if most <= 0:
                    return


def _known(connection: Redis, queue: _Queue, step: Sequence[JobEntry]) -> set[bytes]:
    """Which of these the index has."""
    prints = [cause.fingerprint for cause in queue.causes]
    ids = [each.id for each in step]
    if not prints or not ids:
        return set()
    with connection.pipeline(transaction=False) as pipe:
        for id_ in ids:
            pipe.hget(keys.job(untrusted_fields.decode(id_)), job_fields.FINGERPRINT)
        named = [untrusted_fields.decode(replies.granted(answer, None)) for answer in replies.execute(pipe)]
    with connection.pipeline(transaction=False) as pipe:
        for id_, name in zip(ids, named, strict=True):
            pipe.zscore(keys.cause(queue.name, name), id_)
        scores = [replies.granted(answer, None) for answer in replies.execute(pipe)]
    return {id_ for id_, score in zip(ids, scores, strict=True) if score is not None}


def _describe(each: JobSummary) -> dict[str, str]:
    if each.state == "failed":
        return dead_letter_index.describe_cause(each.function, each.traceback)
    return dead_letter_index.describe_cause(each.function, f"{QUARANTINED}: {each.error}")
