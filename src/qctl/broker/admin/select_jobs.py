"""Choosing the jobs of a bulk act: what a selector means, at one moment, as small as a million of them allow."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import islice

from redis import Redis
from rq.results import Result

from qctl.broker.query import dead_letters, locate_jobs
from qctl.broker.query.job_locations import JobEntry, LocatedJob
from qctl.broker.query.search import Search
from qctl.broker.redis import keys, replies, untrusted_fields
from qctl.models import DEAD_STATES, ChosenJobs, Outcome, Progress, Selection, Selector, State

DIED = str(Result.Type.FAILED.value).encode()
"""How RQ writes of a run that it was the last and failed."""

RESULTS = 10
"""Results of a job that RQ keeps."""

NOTHING: Mapping[str, str] = {}


def select(
    connection: Redis,
    selector: Selector,
    queues: Sequence[str],
    states: Sequence[State],
    progress: Progress,
    already: Mapping[str, str] = NOTHING,
) -> Selection:
    """The jobs that are meant, of these queues, in these states. Ids that are not there are told of. `already` says of
    other states what to tell of jobs that were named and are in them: nothing is to be done with those.

    With a limit, of dead letters those are taken that have waited longest, of others the first of their places.
    """
    if selector.ids is not None:
        return _named(connection, selector, queues, states, already)
    is_of_the_dead = set(states) <= set(DEAD_STATES)
    search = Search(connection, selector, queues, states, progress)
    if selector.reads_jobs:
        found = _oldest(search, selector.limit) if is_of_the_dead and selector.limit else _matching(search)
    elif is_of_the_dead and selector.limit and selector.fingerprint is None:
        oldest = dead_letters.oldest(connection, queues, selector.limit)
        found = ((place.queue, place.state, JobEntry(untrusted_fields.encode(place.id))) for place in oldest)
    else:
        found = search.placed()
    chosen = _grouped(islice(found, selector.limit))
    return Selection(chosen, scan=search.cut, so=already)


def _named(
    connection: Redis,
    selector: Selector,
    queues: Sequence[str],
    states: Sequence[State],
    already: Mapping[str, str],
) -> Selection:
    located, missing = locate_jobs.locate(connection, list(selector.ids or ()), queues)
    fitting = [each for each in located if each[1] in states]
    others = [
        *missing,
        *(
            Outcome(untrusted_fields.decode(found.id), queue, False, f"it is {state}", state)
            for queue, state, found in located
            if state not in states
        ),
    ]
    so = _are_so(connection, [each for each in others if each.where in already])
    return Selection(
        _grouped(islice(fitting, selector.limit)),
        [each for each in others if each not in so],
        [replace(each, done=True, detail=already[each.where]) for each in so],
        so=already,
    )


def _are_so(connection: Redis, found: Sequence[Outcome]) -> list[Outcome]:
    """Those whose state says that an act was done before; a finished job says so only if it had died before."""
    with connection.pipeline(transaction=False) as pipe:
        for each in found:
            pipe.xrevrange(keys.results(each.id), count=RESULTS)
        answers = [replies.granted(answer, []) for answer in replies.execute(pipe)]
    died = [any(fields.get(b"type") == DIED for _, fields in results) for results in answers]
    return [each for each, dead in zip(found, died, strict=True) if dead or each.where != "finished"]


def _matching(search: Search) -> Iterable[LocatedJob]:
    return ((each.queue, each.state, each.found) for each in search.facts())


def _oldest(search: Search, limit: int) -> Iterable[LocatedJob]:
    dated = [(each.since, each.queue, each.state, each.found) for each in search.facts()]
    dated.sort(key=lambda each: each[0].timestamp() if each[0] else float("inf"))
    return (placed for _, *placed in dated[:limit])  # type: ignore[misc]


def _grouped(found: Iterable[LocatedJob]) -> list[ChosenJobs]:
    """What was found, by place, in its order."""
    parts: dict[tuple[str, State], ChosenJobs] = {}
    for queue, state, each in found:
        part = parts.get((queue, state)) or parts.setdefault((queue, state), ChosenJobs(queue, state))
        part.ids.append(each.id)
        if state == "queued":
            part.positions.append(each.position)
    return list(parts.values())
