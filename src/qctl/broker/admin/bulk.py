"""Doing something to many jobs: in steps of one script call each, between which each job is in exactly one place.

It may be interrupted between two steps and run again; `progress` is told after each how many jobs are done, and what
it raises ends the act there.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from redis import Redis
from redis.exceptions import ResponseError

from qctl.broker.query import job_locations, locate_jobs
from qctl.broker.redis import keys, replies, untrusted_fields
from qctl.models import MAX_LISTED_OUTCOMES, BulkResult, ChosenJobs, Outcome, Progress, Selection, State

_DETAILS = {
    "absent": "it is not there any more",
    "moved": "it does not wait any more",
    "limited": "it waits for its rate limit",
    "gone": "its data is gone",
    "unreadable": "it cannot be read",
}


class Action(Protocol):
    """What is done to jobs of one queue in one state. Says one word for each; `done` and `limited` are successes."""

    @property
    def step(self) -> int:
        """Most jobs a call takes."""

    @property
    def batch(self) -> str | None:
        """What it put into the trash together."""

    def __call__(
        self, connection: Redis, queue: str, state: State, ids: Sequence[bytes], positions: Sequence[int], /
    ) -> tuple[list[str], int]:
        """Do it. Returns the words, and by how many places the waiting have moved up since `positions` was read."""


@dataclass
class _Tally:
    """What became of the jobs so far."""

    done: int = 0
    failed: int = 0
    already: int = 0
    queues: set[str] = field(default_factory=set)
    kept_done: list[Outcome] = field(default_factory=list)
    kept_failed: list[Outcome] = field(default_factory=list)

    def add(self, outcome: Outcome) -> None:
        """Count one, and keep it while there are few."""
        kept = self.kept_done if outcome.done else self.kept_failed
        if len(kept) < MAX_LISTED_OUTCOMES:
            kept.append(outcome)
        if outcome.where:
            self.already += 1
        elif outcome.done:
            self.done += 1
            self.queues.add(outcome.queue)
        else:
            self.failed += 1


class RateLimiter:
    """At most `rate` jobs a second, evenly; None: as fast as Redis takes them."""

    def __init__(self, rate: float | None) -> None:
        self._rate = rate
        self._next = time.monotonic()

    def size(self, most: int) -> int:
        """How many to take at once: a tenth of a second's worth."""
        return most if self._rate is None else min(most, max(1, int(self._rate / 10)))

    def wait(self, count: int) -> None:
        """Wait until `count` more may be done."""
        if self._rate is None:
            return
        now = time.monotonic()
        time.sleep(max(0.0, self._next - now))
        self._next = max(self._next, now) + count / self._rate


def run(
    connection: Redis, selection: Selection, act: Action, *, progress: Progress, rate: float | None = None
) -> BulkResult:
    """Do it to all that were chosen. What somebody else did meanwhile is not done twice: it is so already."""
    tally = _Tally(failed=len(selection.missing), kept_failed=selection.missing[:MAX_LISTED_OUTCOMES])
    pace, total, counted = RateLimiter(rate), selection.count, 0
    for part in selection.chosen:
        for outcomes in _part(connection, part, act, pace):
            counted += len(outcomes)
            for outcome in _seen_again(connection, outcomes, selection):
                tally.add(outcome)
            progress(counted, total)
    return BulkResult(
        done=tally.done,
        failed=tally.failed,
        outcomes=tally.kept_failed + tally.kept_done + selection.already[:MAX_LISTED_OUTCOMES],
        queues=sorted(tally.queues),
        batch=act.batch if tally.done else None,
        scan=selection.scan,
        already=len(selection.already) + tally.already,
    )


def _part(connection: Redis, part: ChosenJobs, act: Action, pace: RateLimiter) -> Iterator[list[Outcome]]:
    """Do it to the jobs of one place. Those that wait, and not where they did, are looked for once more."""
    lost: list[bytes] = []
    for ids, words in _steps(connection, part, act, pace):
        lost += [id_ for id_, word in zip(ids, words, strict=True) if word == "moved"]
        found = [(id_, word) for id_, word in zip(ids, words, strict=True) if word != "moved"]
        yield [_outcome(part.queue, id_, word) for id_, word in found]
    if not lost:
        return
    at = job_locations.find_positions(connection, part.queue, lost)
    there = sorted((position, id_) for id_, position in at.items())
    again = ChosenJobs(part.queue, part.state, [id_ for _, id_ in there], [position for position, _ in there])
    for ids, words in _steps(connection, again, act, pace):
        yield [_outcome(part.queue, id_, word) for id_, word in zip(ids, words, strict=True)]
    yield [_outcome(part.queue, id_, "moved") for id_ in lost if id_ not in at]


def _steps(
    connection: Redis, part: ChosenJobs, act: Action, pace: RateLimiter
) -> Iterator[tuple[list[bytes], list[str]]]:
    """Do it in steps. `up` is how many places nearer to the head the rest of a list has come since it was read."""
    up, start, size = 0, 0, pace.size(act.step)
    middle = int(connection.llen(keys.queue(part.queue))) // 2 if part.positions else 0
    while start < len(part.ids):
        ids = part.ids[start : start + size]
        before = part.positions[start : start + size]
        if before and before[0] < middle <= before[-1]:
            # The script looks through the list from the end that is nearer to all of a step.
            ids = ids[: sum(position < middle for position in before)]
        pace.wait(len(ids))
        try:
            words, shift = act(
                connection, part.queue, part.state, ids, [max(0, position - up) for position in before[: len(ids)]]
            )
        except ResponseError as error:
            if not replies.is_wrong_type(error):
                raise
            # Nothing was changed, and the jobs of other queues can do without this one.
            words, shift = ["a key of its queue holds another type than it should"] * len(ids), 0
        up += shift + sum(word == "done" for word in words)
        start += len(ids)
        yield ids, words


def _seen_again(connection: Redis, outcomes: Sequence[Outcome], chosen: Selection) -> Iterator[Outcome]:
    """These outcomes: where it was not done because somebody else did just that, it is so already."""
    states = (
        locate_jobs.current_states(connection, [each.id for each in outcomes if not each.done]) if chosen.so else {}
    )
    for each in outcomes:
        state, queue = states.get(each.id, ("", ""))
        if state in chosen.so and (chosen.target is None or queue == chosen.target):
            yield replace(each, queue=queue, done=True, detail=chosen.so[state], where=state)
        else:
            yield each


def _outcome(queue: str, id_: bytes, word: str) -> Outcome:
    done = word in ("done", "limited")
    detail = _DETAILS.get(word, word if " " in word else f"it is {word}")
    return Outcome(untrusted_fields.decode(id_), queue, done, "" if word == "done" else detail)
