"""Finds the jobs that a selector matches, in the queues and states that it names.

Jobs are read one by one, up to the number that may be scanned, and the result says how many were not. If an index has
the answer, it is used instead.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice

from redis import Redis

from qctl.broker.query import dead_letter_causes, job_locations, job_summary
from qctl.broker.query.job_locations import JobEntry, LocatedJob
from qctl.broker.query.job_summary import JobSummary
from qctl.broker.redis import clock, replies, untrusted_fields
from qctl.models import STATES, JobRow, Jobs, Progress, Scan, Selector, State

_SORT_KEYS: dict[str, Callable[[JobSummary], str | bytes | float]] = {
    "since": lambda job: job.since.timestamp() if job.since else float("inf"),
    "queue": lambda job: job.queue,
    "state": lambda job: job.state,
    "job": lambda job: job.function,
    "id": lambda job: job.entry.id,
}

SAMPLE_IDS = 500
"""Maximum ids of each location that are compared with a mistyped id, to suggest a similar one."""

SORTS = tuple(_SORT_KEYS)
"""Names of the columns by which a list may be sorted."""


class Search:
    """Jobs that match a selector, in the order of their locations. `scanned` of `total` jobs were read so far."""

    def __init__(
        self, connection: Redis, selector: Selector, queues: Sequence[str], states: Sequence[State], progress: Progress
    ) -> None:
        self._redis = connection
        self._selector = selector
        self._progress = progress
        self._now = clock.to_datetime(clock.now_ms(connection))
        self._index_scan: Scan | None = None
        locations = [(queue, state) for queue in queues for state in states]
        sizes = job_locations.sizes(connection, locations)
        self.locations = [(*location, size) for location, size in zip(locations, sizes, strict=True) if size]
        self.total = sum(sizes)
        self.scanned = 0

    @property
    def cut(self) -> Scan | None:
        """Number of jobs that were read, None if the search was not cut short by the limit."""
        if self._index_scan is not None:
            return self._index_scan
        return Scan(self.scanned, self.total) if self._is_at_limit() and self.scanned < self.total else None

    def _is_at_limit(self) -> bool:
        return self._selector.scan is not None and self.scanned >= self._selector.scan

    def located(self) -> Iterator[LocatedJob]:
        """Yield all jobs of the locations unread, or those of one cause if the selector has a fingerprint."""
        for queue, state, page in self._pages():
            for entry in page:
                yield queue, state, entry

    def _pages(self) -> Iterator[tuple[str, State, list[JobEntry]]]:
        if self._selector.fingerprint is None:
            for queue, state, _ in self.locations:
                for page in job_locations.read(self._redis, queue, state):
                    yield queue, state, page
            return
        queues = list(dict.fromkeys(queue for queue, *_ in self.locations))
        pages, self._index_scan = dead_letter_causes.letters(
            self._redis, queues, self._selector.fingerprint, self._selector.scan
        )
        self.total = sum(len(page) for *_, page in pages)
        yield from pages

    def summaries(self) -> Iterator[JobSummary]:
        """Read jobs, and yield those that match."""
        for queue, state, page in self._pages():
            room = len(page) if self._selector.scan is None else self._selector.scan - self.scanned
            for jobs in job_summary.read(self._redis, queue, state, page[:room]):
                self.scanned += len(jobs)
                self._progress(self.scanned, max(self.total, self.scanned))
                yield from (job for job in jobs if job_summary.matches(job, self._selector, self._now))
            if self._is_at_limit():
                return


def page(
    connection: Redis,
    selector: Selector,
    queues: Sequence[str],
    states: Sequence[State],
    *,
    offset: int,
    limit: int,
    sort: str | None,
    progress: Progress,
) -> Jobs:
    """Return `limit` jobs after the first `offset`, in the order of their locations or by `sort`.

    `sort` is one of `SORTS`, with `-` before it for descending order.
    """
    search = Search(connection, selector, queues, states, progress)
    if sort is None and not selector.reads_jobs and selector.fingerprint is None:
        return Jobs(_rows(_slice(connection, search, offset, limit)), search.total, search.total, search.total)
    matching = 0

    def counted() -> Iterator[JobSummary]:
        nonlocal matching
        for job in search.summaries():
            matching += 1
            yield job

    first = _first(counted(), offset + limit, sort)
    cut = search.cut
    scanned, total = (cut.scanned, cut.total) if cut else (search.scanned, search.scanned)
    return Jobs(_rows(first[offset:]), matching, scanned, total)


def _first(jobs: Iterator[JobSummary], count: int, sort: str | None) -> list[JobSummary]:
    """Read all jobs, but keep no more than the first `count` in memory."""
    if sort is None:
        first = list(islice(jobs, count))
        for _ in jobs:
            pass
        return first
    select = heapq.nlargest if sort.startswith("-") else heapq.nsmallest
    return select(count, jobs, key=_SORT_KEYS[sort.removeprefix("-")])


def _slice(connection: Redis, search: Search, offset: int, limit: int) -> Iterator[JobSummary]:
    """Yield a page in the order of the locations, without reading the jobs before it."""
    for queue, state, size in search.locations:
        start, offset = min(offset, size), max(0, offset - size)
        if start == size:
            continue
        for entries in job_locations.read(connection, queue, state, start):
            for jobs in job_summary.read(connection, queue, state, entries[:limit]):
                yield from jobs
                limit -= len(jobs)
            if limit <= 0:
                return


def _rows(jobs: Iterable[JobSummary]) -> list[JobRow]:
    return [job.row for job in jobs]


def sample_ids(connection: Redis, queues: Sequence[str], states: Sequence[State] = STATES) -> list[str]:
    """Return the first ids of each location, to suggest one that resembles a mistyped id."""
    locations = [(queue, state) for queue in queues for state in states]
    with connection.pipeline(transaction=False) as pipe:
        for queue, state in locations:
            job_locations.stage_first_ids(pipe, state, queue, SAMPLE_IDS)
        answers = replies.execute(pipe)
    return [
        untrusted_fields.decode(id_)
        for (_, state), answer in zip(locations, answers, strict=True)
        for id_ in job_locations.parse_first_ids(state, answer)
    ]
