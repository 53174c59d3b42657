"""Runs an action on many jobs, by one script call for a few of them at a time.

Between two calls each job is in exactly one location, so that the action may be interrupted and run again. `progress`
gets the number of jobs after each call; an exception that it raises ends the action there.
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
    "gone": "its data is gone; remove the entry with: qctl doctor --repair",
    "unreadable": "it cannot be read",
}


REPLAYED = "replayed:"
"""Beginning of the word for a job that has a copy already; the id of that follows."""


class Action(Protocol):
    """Action on jobs of one queue in one state. Returns a word for each; `done` and `limited` are successes."""

    @property
    def jobs_per_call(self) -> int:
        """Maximum number of jobs for one call."""

    @property
    def batch(self) -> str | None:
        """Trash batch into which the action puts jobs."""

    def __call__(
        self, connection: Redis, queue: str, state: State, ids: Sequence[bytes], positions: Sequence[int], /
    ) -> tuple[list[str], int]:
        """Return the words, and by how many places the waiting jobs have moved up since `positions` was read."""


@dataclass
class _Tally:
    """Outcomes so far: all are counted, the first of each kind are listed."""

    done: int = 0
    failed: int = 0
    already: int = 0
    queues: set[str] = field(default_factory=set)
    listed_done: list[Outcome] = field(default_factory=list)
    listed_failed: list[Outcome] = field(default_factory=list)

    def add(self, outcome: Outcome) -> None:
        """Count an outcome, and list it if the list is not full."""
        listed = self.listed_done if outcome.done else self.listed_failed
        if len(listed) < MAX_LISTED_OUTCOMES:
            listed.append(outcome)
        if outcome.where:
            self.already += 1
        elif outcome.done:
            self.done += 1
            self.queues.add(outcome.queue)
        else:
            self.failed += 1


class RateLimiter:
    """Spreads calls so that at most `rate` jobs a second are done; None for no limit."""

    def __init__(self, rate: float | None) -> None:
        self._rate = rate
        self._next = time.monotonic()

    def jobs_per_call(self, maximum: int) -> int:
        """Return how many jobs to take at once: those of a tenth of a second, at most `maximum`."""
        return maximum if self._rate is None else min(maximum, max(1, int(self._rate / 10)))

    def wait(self, count: int) -> None:
        """Wait until `count` more jobs may be done."""
        if self._rate is None:
            return
        now = time.monotonic()
        time.sleep(max(0.0, self._next - now))
        self._next = max(self._next, now) + count / self._rate


def run(
    connection: Redis, selection: Selection, action: Action, *, progress: Progress, rate: float | None = None
) -> BulkResult:
    """Run an action on the selected jobs. Jobs to which another client did it meanwhile count as done already."""
    tally = _Tally(failed=len(selection.missing), listed_failed=selection.missing[:MAX_LISTED_OUTCOMES])
    limiter, total, counted = RateLimiter(rate), selection.count, 0
    for part in selection.chosen:
        for outcomes in _run_part(connection, part, action, limiter):
            counted += len(outcomes)
            for outcome in _recheck(connection, outcomes, selection):
                tally.add(outcome)
            progress(counted, total)
    return BulkResult(
        done=tally.done,
        failed=tally.failed,
        outcomes=tally.listed_failed + tally.listed_done + selection.already[:MAX_LISTED_OUTCOMES],
        queues=sorted(tally.queues),
        batch=action.batch if tally.done else None,
        scan=selection.scan,
        already=len(selection.already) + tally.already,
    )


def _run_part(connection: Redis, part: ChosenJobs, action: Action, limiter: RateLimiter) -> Iterator[list[Outcome]]:
    """Run the action on the jobs of one location. Waiting jobs that are not at their position are located once more."""
    lost: list[bytes] = []
    for ids, words in _call(connection, part, action, limiter):
        answered = list(zip(ids, words, strict=True))
        lost += [id_ for id_, word in answered if word == "moved"]
        yield [_outcome(part.queue, id_, word) for id_, word in answered if word != "moved"]
    if not lost:
        return
    position_of = job_locations.find_positions(connection, part.queue, lost)
    ordered = sorted((position, id_) for id_, position in position_of.items())
    again = ChosenJobs(part.queue, part.state, [id_ for _, id_ in ordered], [position for position, _ in ordered])
    for ids, words in _call(connection, again, action, limiter):
        yield [_outcome(part.queue, id_, word) for id_, word in zip(ids, words, strict=True)]
    yield [_outcome(part.queue, id_, "moved") for id_ in lost if id_ not in position_of]


def _call(
    connection: Redis, part: ChosenJobs, action: Action, limiter: RateLimiter
) -> Iterator[tuple[list[bytes], list[str]]]:
    """Call the action for a few jobs at a time.

    `moved_up` is how many places nearer to the head the rest of a list has come since its positions were read.
    """
    moved_up, start, size = 0, 0, limiter.jobs_per_call(action.jobs_per_call)
    middle = replies.integer(connection.llen(keys.queue(part.queue))) // 2 if part.positions else 0
    while start < len(part.ids):
        ids = part.ids[start : start + size]
        before = part.positions[start : start + size]
        if before and before[0] < middle <= before[-1]:
            # The script searches the list from the end that is nearer to all jobs of a call.
            ids = ids[: sum(position < middle for position in before)]
        limiter.wait(len(ids))
        positions = [max(0, position - moved_up) for position in before[: len(ids)]]
        try:
            words, shift = action(connection, part.queue, part.state, ids, positions)
        except ResponseError as error:
            if not replies.is_wrong_type(error):
                raise
            # Nothing was changed, and the jobs of other queues do not depend on this one.
            words, shift = ["a key of its queue holds another type than it should"] * len(ids), 0
        moved_up += shift + sum(word == "done" for word in words)
        start += len(ids)
        yield ids, words


def _recheck(connection: Redis, outcomes: Sequence[Outcome], selection: Selection) -> Iterator[Outcome]:
    """Yield the outcomes; failures of jobs that another client has brought into the wanted state become successes."""
    failed = [outcome.id for outcome in outcomes if not outcome.done]
    states = locate_jobs.current_states(connection, failed) if selection.already_details else {}
    for outcome in outcomes:
        state, queue = states.get(outcome.id, ("", ""))
        if state in selection.already_details and (selection.target is None or queue == selection.target):
            yield replace(outcome, queue=queue, done=True, detail=selection.already_details[state], where=state)
        else:
            yield outcome


def _outcome(queue: str, id_: bytes, word: str) -> Outcome:
    if word.startswith(REPLAYED):
        detail = f"it was replayed as {word.removeprefix(REPLAYED)}; --again copies it once more"
        return Outcome(untrusted_fields.decode(id_), queue, True, detail, "finished")
    is_done = word in ("done", "limited")
    detail = _DETAILS.get(word, word if " " in word else f"it is {word}")
    return Outcome(untrusted_fields.decode(id_), queue, is_done, "" if word == "done" else detail)
