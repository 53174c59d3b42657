"""Finding jobs: those that a selector means, in whichever of the queues and states it names.

Jobs are read one by one, up to the number that may be scanned, and what was not looked at is told. Where an index
knows the answer it is asked instead.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from redis import Redis

from qctl.broker.query import dead_letter_causes, job_locations, job_summary
from qctl.broker.query.job_locations import JobEntry, LocatedJob
from qctl.broker.query.job_summary import JobSummary
from qctl.broker.redis import clock, replies, untrusted_fields
from qctl.models import STATES, JobRow, Jobs, Progress, Scan, Selector, State

_ORDERS: dict[str, Callable[[JobSummary], Any]] = {
    "since": lambda each: each.since.timestamp() if each.since else float("inf"),
    "queue": lambda each: each.queue,
    "state": lambda each: each.state,
    "job": lambda each: each.function,
    "id": lambda each: each.found.id,
}

GUESSES = 500
"""Jobs of one place among which a mistyped id is looked for."""

SORTS = tuple(_ORDERS)
"""What a list may be sorted by."""


class Search:
    """Jobs that match a selector, in the order of their places. `scanned` of `total` have been looked at."""

    def __init__(
        self, connection: Redis, selector: Selector, queues: Sequence[str], states: Sequence[State], progress: Progress
    ) -> None:
        self._redis = connection
        self._selector = selector
        self._progress = progress
        self._now = clock.to_datetime(clock.now_ms(connection))
        self.index: Scan | None = None
        sought = [(queue, state) for queue in queues for state in states]
        self.places = [
            (*place, size) for place, size in zip(sought, job_locations.sizes(connection, sought), strict=True) if size
        ]
        self.total = sum(size for *_, size in self.places)
        self.scanned = 0

    @property
    def cut(self) -> Scan | None:
        """How much was looked at, where that was not all because no more may be scanned."""
        if self.index is not None:
            return self.index
        return Scan(self.scanned, self.total) if self._is_enough() and self.scanned < self.total else None

    def _is_enough(self) -> bool:
        return self._selector.scan is not None and self.scanned >= self._selector.scan

    def placed(self) -> Iterator[LocatedJob]:
        """Those that are in these places, whatever they say; of one cause, where a fingerprint is named."""
        for queue, state, step in self._steps():
            for each in step:
                yield queue, state, each

    def _steps(self) -> Iterator[tuple[str, State, list[JobEntry]]]:
        if self._selector.fingerprint is None:
            for queue, state, _ in self.places:
                for step in job_locations.read(self._redis, queue, state):
                    yield queue, state, step
            return
        queues = list(dict.fromkeys(queue for queue, *_ in self.places))
        found, self.index = dead_letter_causes.letters(
            self._redis, queues, self._selector.fingerprint, self._selector.scan
        )
        self.total = sum(len(step) for *_, step in found)
        yield from found

    def facts(self) -> Iterator[JobSummary]:
        """Those that match by what they say, with that."""
        for queue, state, step in self._steps():
            room = len(step) if self._selector.scan is None else self._selector.scan - self.scanned
            for read in job_summary.read(self._redis, queue, state, step[:room]):
                self.scanned += len(read)
                self._progress(self.scanned, max(self.total, self.scanned))
                yield from (each for each in read if job_summary.matches(each, self._selector, self._now))
            if self._is_enough():
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
    """`limit` jobs after the first `offset`: in the order of their places, or by `sort`, one of `SORTS`, with `-`
    before it the other way round."""
    search = Search(connection, selector, queues, states, progress)
    if sort is None and not selector.reads_jobs and selector.fingerprint is None:
        return Jobs(_rows(_slice(connection, search, offset, limit)), search.total, search.total, search.total)
    matching = 0

    def counted() -> Iterator[JobSummary]:
        nonlocal matching
        for matching, each in enumerate(search.facts(), 1):  # noqa: B007 - the count is what is wanted
            yield each

    first = _first(counted(), offset + limit, sort)
    cut = search.cut
    scanned, total = (cut.scanned, cut.total) if cut else (search.scanned, search.scanned)
    return Jobs(_rows(first[offset:]), matching, scanned, total)


def _first(found: Iterable[JobSummary], most: int, sort: str | None) -> list[JobSummary]:
    """The first of them, keeping no more than those."""
    if sort is None:
        kept: list[JobSummary] = []
        for each in found:
            if len(kept) < most:
                kept.append(each)
        return kept
    select = heapq.nlargest if sort.startswith("-") else heapq.nsmallest
    return select(most, found, key=_ORDERS[sort.removeprefix("-")])


def _slice(connection: Redis, search: Search, offset: int, limit: int) -> Iterator[JobSummary]:
    """A page in the order of the places: none of what is before it is read."""
    for queue, state, size in search.places:
        start, offset = min(offset, size), max(0, offset - size)
        if start == size:
            continue
        for step in job_locations.read(connection, queue, state, start):
            for read in job_summary.read(connection, queue, state, step[:limit]):
                yield from read
                limit -= len(read)
            if limit <= 0:
                return


def _rows(found: Iterable[JobSummary]) -> list[JobRow]:
    return [each.row for each in found]


def sample_ids(connection: Redis, queues: Sequence[str], states: Sequence[State] = STATES) -> list[str]:
    """Ids of some jobs, from each place the first: enough to guess what somebody meant who mistyped one."""
    sought = [(queue, state) for queue in queues for state in states]
    with connection.pipeline(transaction=False) as pipe:
        for queue, state in sought:
            job_locations.stage_first_ids(pipe, state, queue, GUESSES)
        answers = replies.execute(pipe)
    return [
        untrusted_fields.decode(id_)
        for (_, state), answer in zip(sought, answers, strict=True)
        for id_ in job_locations.parse_first_ids(state, replies.granted(answer, None))
    ]
