"""Selects the jobs of a bulk action at one moment, in as little memory as a million jobs allow."""

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
"""Type of a result that RQ writes if the last attempt failed."""

MAX_RESULTS = 10
"""Results of a job that RQ keeps."""

NOTHING: Mapping[str, str] = {}


def select(
    connection: Redis,
    selector: Selector,
    queues: Sequence[str],
    states: Sequence[State],
    progress: Progress,
    already: Mapping[str, str] = NOTHING,
    *,
    abandoned: bool = False,
) -> Selection:
    """Return the matching jobs of these queues in these states, and the named ids that are not among them.

    With `abandoned`, started jobs that are named by id and whose worker is gone are among them.

    `already` has other states, with the detail to report for jobs in them that were named by id: the action was done to
    them before. With a limit, the dead letters that died first are taken, and of other jobs the first of their
    locations.
    """
    if selector.ids is not None:
        return _by_id(connection, selector, queues, states, already, abandoned)
    is_of_the_dead = set(states) <= set(DEAD_STATES)
    search = Search(connection, selector, queues, states, progress)
    if selector.reads_jobs:
        jobs = _oldest(search, selector.limit) if is_of_the_dead and selector.limit else _matching(search)
    elif is_of_the_dead and selector.limit and selector.fingerprint is None:
        oldest = dead_letters.oldest(connection, queues, selector.limit)
        jobs = ((letter.queue, letter.state, JobEntry(untrusted_fields.encode(letter.id))) for letter in oldest)
    else:
        jobs = search.located()
    chosen = _grouped(islice(jobs, selector.limit))
    return Selection(chosen, scan=search.cut, already_details=already)


def _by_id(
    connection: Redis,
    selector: Selector,
    queues: Sequence[str],
    states: Sequence[State],
    already: Mapping[str, str],
    abandoned: bool,
) -> Selection:
    located, missing = locate_jobs.locate(connection, list(selector.ids or ()), queues)
    matching = [job for job in located if job[1] in states or (abandoned and job[2].is_abandoned)]
    others = [
        *missing,
        *(
            Outcome(untrusted_fields.decode(entry.id), queue, False, f"it is {state}", state)
            for queue, state, entry in located
            if state not in states and not (abandoned and entry.is_abandoned)
        ),
    ]
    done = _done_before(connection, [outcome for outcome in others if outcome.where in already])
    return Selection(
        _grouped(islice(matching, selector.limit)),
        [outcome for outcome in others if outcome not in done],
        [replace(outcome, done=True, detail=already[outcome.where]) for outcome in done],
        already_details=already,
    )


def _done_before(connection: Redis, outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Return the jobs whose state shows that the action was done before; for a finished job only if it had died."""
    with connection.pipeline(transaction=False) as pipe:
        for outcome in outcomes:
            pipe.xrevrange(keys.results(outcome.id), count=MAX_RESULTS)
        answers = replies.execute(pipe)
    had_died = [any(fields.get(b"type") == DIED for _, fields in replies.stream_entries(reply)) for reply in answers]
    return [outcome for outcome, died in zip(outcomes, had_died, strict=True) if died or outcome.where != "finished"]


def _matching(search: Search) -> Iterable[LocatedJob]:
    return ((job.queue, job.state, job.entry) for job in search.summaries())


def _oldest(search: Search, limit: int) -> Iterable[LocatedJob]:
    dated = [(job.since, job.queue, job.state, job.entry) for job in search.summaries()]
    dated.sort(key=lambda job: job[0].timestamp() if job[0] else float("inf"))
    return ((queue, state, entry) for _, queue, state, entry in dated[:limit])


def _grouped(jobs: Iterable[LocatedJob]) -> list[ChosenJobs]:
    """Return the jobs by location, in their order."""
    groups: dict[tuple[str, State], ChosenJobs] = {}
    for queue, state, entry in jobs:
        group = groups.get((queue, state)) or groups.setdefault((queue, state), ChosenJobs(queue, state))
        group.ids.append(entry.id)
        if state == "queued":
            group.positions.append(entry.position)
    return list(groups.values())
