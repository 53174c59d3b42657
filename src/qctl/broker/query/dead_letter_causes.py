"""Groups dead letters by cause, from the index that qctl's workers keep, in two round trips for any number of letters.

Stock workers keep no index: their letters are read one by one, up to the number that may be scanned. Stock tools that
remove a letter do not update the index: if its numbers do not match those of the registry, each entry is looked up.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import islice

from redis import Redis

from qctl.broker.bookkeeping import dead_letter_index
from qctl.broker.query import job_locations, job_summary, reject_tallies
from qctl.broker.query.job_locations import JobEntry
from qctl.broker.query.job_summary import JobSummary
from qctl.broker.redis import clock, job_fields, keys, replies, untrusted_fields
from qctl.models import NEW_SECONDS, Cause, Causes, RejectTally, Scan, State

LETTERS_PER_READ = 1000

QUARANTINED = "quarantined"
"""Shown as the exception of a quarantined job, which had none."""


@dataclass
class _Tally:
    """Running totals of one cause. Times in milliseconds."""

    parts: dict[str, str]
    count: int = 0
    queues: set[str] = field(default_factory=set)
    first: float | None = None
    last: float | None = None
    sample: str = ""
    new: int = 0

    def add(self, queue: str, job_id: str, count: int, times: Iterable[float | None], new: int) -> None:
        """Add `count` letters that died at or between these times, `new` of them recently."""
        known = [time for time in (self.first, self.last, *times) if time is not None]
        self.count += count
        self.new += new
        self.queues.add(queue)
        self.first, self.last = (min(known), max(known)) if known else (None, None)
        self.sample = self.sample or job_id


def groups(connection: Redis, queues: Sequence[str], scan: int | None) -> Causes:
    """Return all causes of these queues, the most frequent first. At most `scan` letters are read, None for all."""
    return Causes.merged(by_queue(connection, queues, scan).values())


def by_queue(connection: Redis, queues: Sequence[str], scan: int | None) -> dict[str, Causes]:
    """Return the causes of each queue by its name. At most `scan` letters are read in all, None for all."""
    causes: dict[str, Causes] = {}
    for queue in _read_index(connection, queues):
        left = None if scan is None else max(0, scan)
        causes[queue.name], scanned = _of_queue(connection, queue, left)
        scan = None if scan is None else scan - scanned
    for tally in reject_tallies.read(connection, queues):
        causes[tally.queue] = Causes.merged([causes[tally.queue], Causes([_counted(tally)], 0, 0)])
    return causes


def _counted(tally: RejectTally) -> Cause:
    """Return the cause of rejects that were counted and not stored."""
    return Cause(
        fingerprint=tally.fingerprint,
        count=0,
        queues=[tally.queue],
        function=tally.function,
        exception=tally.exception,
        message=tally.message,
        frame="",
        first_seen=tally.first_seen,
        last_seen=tally.last_seen,
        sample="",
        counted=tally.count,
        source=tally.source,
    )


def _of_queue(connection: Redis, queue: _QueueIndex, scan: int | None) -> tuple[Causes, int]:
    """Return the causes of one queue, and how many letters were read."""
    tallies: dict[str, _Tally] = {}
    for indexed in queue.causes:
        if indexed.count:
            tally = tallies.setdefault(indexed.fingerprint, _Tally(indexed.parts))
            tally.add(queue.name, indexed.sample, indexed.count, (indexed.first, indexed.last), indexed.new)
    scanned = 0
    for parts, job in _unindexed(connection, queue, scan):
        scanned += 1
        if parts is not None and not job.is_gone:
            tally, died = tallies.setdefault(dead_letter_index.fingerprint(parts), _Tally(parts)), _ms(job.since)
            is_new = (died or 0.0) >= queue.new_since
            tally.add(queue.name, untrusted_fields.decode(job.entry.id), 1, (died,), int(is_new))
    causes = [_cause(fingerprint, tally) for fingerprint, tally in tallies.items()]
    total = queue.failed + queue.quarantined
    ordered = sorted(causes, key=lambda cause: (-cause.count, cause.fingerprint))
    return Causes(ordered, min(total, sum(cause.count for cause in causes)), total), scanned


def newest_letters(
    connection: Redis, queues: Sequence[str], fingerprint: str, limit: int
) -> tuple[list[tuple[str, str, float]], int] | None:
    """Return the `limit` letters of one cause that died last, the last first, and how many there are.

    A letter is its queue, id and time of death in milliseconds. None if the index does not know every letter that may
    have this cause.
    """
    known = list(_read_index(connection, queues))
    if any(queue.unindexed for queue in known):
        return None
    matching = [(q.name, c) for q in known for c in q.causes if c.fingerprint == fingerprint and c.count]
    total = sum(cause.count for _, cause in matching)
    # Of more queues than letters, only those with the last deaths are read, and only since the first of these.
    last = sorted((cause.last or 0.0 for _, cause in matching), reverse=True)
    since = last[limit - 1] if len(last) >= limit > 0 else 0.0
    recent = [queue for queue, cause in matching if (cause.last or 0.0) >= since]
    with connection.pipeline(transaction=False) as pipe:
        for queue in recent:
            pipe.zrevrangebyscore(keys.cause(queue, fingerprint), "+inf", since, 0, limit, withscores=True)
        answers = replies.execute(pipe)
    letters = [
        (queue, untrusted_fields.decode(id_), died)
        for queue, answer in zip(recent, answers, strict=True)
        for id_, died in replies.scored_members(answer)
    ]
    letters.sort(key=lambda letter: (-letter[2], letter[1]))
    registered = _registered(connection, letters[:limit])
    return (registered, total) if len(registered) == min(limit, total) else None


def _registered(connection: Redis, letters: list[tuple[str, str, float]]) -> list[tuple[str, str, float]]:
    """Return the letters that are in the registry: stock tools that remove one do not update the index."""
    with connection.pipeline(transaction=False) as pipe:
        for queue, id_, _ in letters:
            pipe.zscore(keys.failed(queue), id_)
        scores = map(replies.optional_float, replies.execute(pipe))
        return [letter for letter, score in zip(letters, scores, strict=True) if score is not None]


def letters(
    connection: Redis, queues: Sequence[str], fingerprint: str, scan: int | None
) -> tuple[list[tuple[str, State, list[JobEntry]]], Scan | None]:
    """Return the dead letters of one cause, and how many were scanned if that was not all."""
    entries: list[tuple[str, State, list[JobEntry]]] = []
    scanned = total = 0
    for queue in _read_index(connection, queues):
        for page in _entries(connection, queue.name, fingerprint):
            entries.append((queue.name, "failed", [JobEntry(id_) for id_, _ in page]))
        total += queue.unindexed
        left = None if scan is None else max(0, scan - scanned)
        for parts, job in _unindexed(connection, queue, left):
            scanned += parts is not None
            if parts is not None and dead_letter_index.fingerprint(parts) == fingerprint:
                entries.append((queue.name, job.state, [job.entry]))
    return entries, Scan(scanned, total) if scan is not None and scanned < total else None


def _cause(fingerprint: str, tally: _Tally) -> Cause:
    parts = tally.parts
    return Cause(
        fingerprint=fingerprint,
        count=tally.count,
        queues=sorted(tally.queues),
        function=parts["function"],
        exception=parts["exception"],
        message=parts["message"],
        frame=parts["frame"],
        first_seen=clock.optional_datetime(tally.first),
        last_seen=clock.optional_datetime(tally.last),
        sample=tally.sample,
        new=tally.new,
    )


def _ms(time: datetime | None) -> float | None:
    return time.timestamp() * 1000 if time else None


# --- the index ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _IndexedCause:
    """One cause in the index of one queue: its number of letters, and times of death of the first and the last."""

    fingerprint: str
    parts: dict[str, str]
    count: int
    first: float | None
    last: float | None
    sample: str
    new: int
    """Letters that died in the last `NEW_SECONDS`."""


@dataclass(frozen=True)
class _QueueIndex:
    """The index of one queue, and the numbers of its dead letters. Those since `new_since` (ms) are new."""

    name: str
    failed: int
    quarantined: int
    causes: list[_IndexedCause]
    new_since: float

    @property
    def unindexed(self) -> int:
        """Number of letters that are not in the index."""
        return max(0, self.failed - sum(cause.count for cause in self.causes)) + self.quarantined


def _read_index(connection: Redis, queues: Sequence[str]) -> Iterator[_QueueIndex]:
    """Yield the index of each queue, without its entries for letters that are gone."""
    with connection.pipeline(transaction=False) as pipe:
        for queue in queues:
            pipe.hgetall(keys.causes(queue))
            job_locations.stage_size(pipe, "failed", queue)
            job_locations.stage_size(pipe, "quarantined", queue)
        pipe.time()
        *answers, now = replies.execute(pipe)
    new_since = clock.reply_ms(now) - 1000 * NEW_SECONDS
    raw_causes = [replies.bytes_dict(reply) for reply in answers[::3]]
    failed, quarantined = map(replies.integer, answers[1::3]), map(replies.integer, answers[2::3])
    named = [
        (queue, untrusted_fields.decode(fingerprint), parts)
        for queue, causes in zip(queues, raw_causes, strict=True)
        for fingerprint, parts in causes.items()
    ]
    indexed = iter(_indexed_causes(connection, named, new_since))
    indexes = [
        _QueueIndex(name, dead, unreadable, list(islice(indexed, len(causes))), new_since)
        for name, dead, unreadable, causes in zip(queues, failed, quarantined, raw_causes, strict=True)
    ]
    stale = _stale(connection, indexes)
    for index in indexes:
        yield _recounted(connection, index) if index.name in stale else index


def _indexed_causes(
    connection: Redis, named: Sequence[tuple[str, str, bytes]], new_since: float
) -> list[_IndexedCause]:
    with connection.pipeline(transaction=False) as pipe:
        for queue, fingerprint, _ in named:
            name = keys.cause(queue, fingerprint)
            pipe.zcard(name)
            pipe.zrange(name, 0, 0, withscores=True)
            pipe.zrange(name, 0, 0, desc=True, withscores=True)
            pipe.zcount(name, new_since, "+inf")
        answers = replies.execute(pipe)
    counts, firsts, lasts, news = answers[::4], answers[1::4], answers[2::4], answers[3::4]
    return [
        _indexed_cause(
            fingerprint,
            _parts(parts),
            replies.integer(count),
            replies.scored_members(first),
            replies.scored_members(last),
            replies.integer(new),
        )
        for (_, fingerprint, parts), count, first, last, new in zip(named, counts, firsts, lasts, news, strict=True)
    ]


def _indexed_cause(
    fingerprint: str,
    parts: dict[str, str],
    count: int,
    first: Sequence[tuple[bytes, float]],
    last: Sequence[tuple[bytes, float]],
    new: int,
) -> _IndexedCause:
    """Return a cause with its first and last letters, which are empty if the index has none."""
    first_died = first[0][1] if first else None
    sample, last_died = last[0] if last else (b"", None)
    return _IndexedCause(fingerprint, parts, count, first_died, last_died, untrusted_fields.decode(sample), new)


def _parts(raw: bytes) -> dict[str, str]:
    """Return the parts of a fingerprint in the index; missing ones are empty."""
    parts = untrusted_fields.parse_object(raw)
    return {name: str(parts.get(name, "")) for name in ("function", "exception", "message", "frame")}


def _stale(connection: Redis, indexes: Sequence[_QueueIndex]) -> set[str]:
    """Return the queues whose index has letters that the registry lacks: more of them, or a sample that is gone."""
    sampled = [(index.name, [cause.sample for cause in index.causes if cause.count]) for index in indexes]
    sampled = [(name, samples) for name, samples in sampled if samples]
    with connection.pipeline(transaction=False) as pipe:
        for name, samples in sampled:
            pipe.zmscore(keys.failed(name), samples)
        answers = replies.execute(pipe)
    stale = {
        name
        for (name, samples), answer in zip(sampled, answers, strict=True)
        if None in replies.scores(answer, len(samples))
    }
    return stale | {index.name for index in indexes if sum(cause.count for cause in index.causes) > index.failed}


def _recounted(connection: Redis, index: _QueueIndex) -> _QueueIndex:
    """Return an index whose causes count only letters that are still in the registry."""
    causes = []
    for cause in index.causes:
        letters = [letter for page in _entries(connection, index.name, cause.fingerprint) for letter in page]
        new = sum(died >= index.new_since for _, died in letters)
        causes.append(_indexed_cause(cause.fingerprint, cause.parts, len(letters), letters[:1], letters[-1:], new))
    return replace(index, causes=causes)


def _entries(connection: Redis, queue: str, fingerprint: str) -> Iterator[list[tuple[bytes, float]]]:
    """Yield the letters of a cause, in the index and the registry, with their times of death, the first first."""
    start = 0
    while True:
        name = keys.cause(queue, fingerprint)
        with connection.pipeline(transaction=False) as pipe:
            pipe.zrange(name, start, start + LETTERS_PER_READ - 1, withscores=True)
            page = replies.scored_members(replies.execute(pipe)[0])
        if not page:
            return
        with connection.pipeline(transaction=False) as pipe:
            pipe.zmscore(keys.failed(queue), [untrusted_fields.decode(id_) for id_, _ in page])
            scores = replies.scores(replies.execute(pipe)[0], len(page))
        yield [letter for letter, score in zip(page, scores, strict=True) if score is not None]
        start += LETTERS_PER_READ


# --- letters outside the index ------------------------------------------------------------------------------


def _unindexed(
    connection: Redis, queue: _QueueIndex, limit: int | None
) -> Iterator[tuple[dict[str, str] | None, JobSummary]]:
    """Yield the letters outside the index, with the parts of their fingerprints; None for those that are in it.

    At most `limit` letters are read.
    """
    states: list[State] = ["quarantined"] if queue.quarantined else []
    if queue.unindexed > queue.quarantined:
        states.append("failed")
    for state in states:
        for whole_page in job_locations.read(connection, queue.name, state):
            page = whole_page if limit is None else whole_page[:limit]
            known = _known(connection, queue, page) if state == "failed" else set()
            yield from ((None, JobSummary(queue.name, state, entry)) for entry in page if entry.id in known)
            unknown = [entry for entry in page if entry.id not in known]
            for jobs in job_summary.read(connection, queue.name, state, unknown):
                yield from ((_describe(job), job) for job in jobs)
            if limit is not None:
                limit -= len(page)
                if limit <= 0:
                    return


def _known(connection: Redis, queue: _QueueIndex, page: Sequence[JobEntry]) -> set[bytes]:
    """Return the ids of those jobs that are in the index."""
    ids = [entry.id for entry in page]
    if not queue.causes or not ids:
        return set()
    with connection.pipeline(transaction=False) as pipe:
        for id_ in ids:
            pipe.hget(keys.job(untrusted_fields.decode(id_)), job_fields.FINGERPRINT)
        fingerprints = [untrusted_fields.decode(replies.optional_bytes(reply)) for reply in replies.execute(pipe)]
    with connection.pipeline(transaction=False) as pipe:
        for id_, fingerprint in zip(ids, fingerprints, strict=True):
            pipe.zscore(keys.cause(queue.name, fingerprint), id_)
        scores = map(replies.optional_float, replies.execute(pipe))
        return {id_ for id_, score in zip(ids, scores, strict=True) if score is not None}


def _describe(job: JobSummary) -> dict[str, str]:
    if job.state == "failed":
        return dead_letter_index.describe_cause(job.function, job.traceback)
    return dead_letter_index.describe_cause(job.function, f"{QUARANTINED}: {job.error}")
