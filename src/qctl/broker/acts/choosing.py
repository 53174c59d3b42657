"""Choosing the jobs of a bulk act: what a selector means, at one moment, as small as a million of them allow."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice

from redis import Redis

from qctl.broker import inspection
from qctl.broker.places import Found, Placed
from qctl.broker.reading import dead_letters, locating
from qctl.broker.reading.search import Progress, Search
from qctl.models import DEAD, Chosen, Outcome, Selection, Selector, State


def choose(
    connection: Redis, selector: Selector, queues: Sequence[str], states: Sequence[State], progress: Progress
) -> Selection:
    """The jobs that are meant, of these queues, in these states. Ids that are not there are told of.

    With a limit, of dead letters those are taken that have waited longest, of others the first of their places.
    """
    if selector.ids is not None:
        return _named(connection, selector, queues, states)
    is_of_the_dead = set(states) <= set(DEAD)
    search = Search(connection, selector, queues, states, progress)
    if selector.reads_jobs:
        found = _oldest(search, selector.limit) if is_of_the_dead and selector.limit else _matching(search)
    elif is_of_the_dead and selector.limit and selector.fingerprint is None:
        oldest = dead_letters.oldest(connection, queues, selector.limit)
        found = ((place.queue, place.state, Found(inspection.raw(place.id))) for place in oldest)
    else:
        found = search.placed()
    chosen = _grouped(islice(found, selector.limit))
    return Selection(chosen, scan=search.cut)


def _named(connection: Redis, selector: Selector, queues: Sequence[str], states: Sequence[State]) -> Selection:
    located, missing = locating.locate(connection, list(selector.ids or ()), queues)
    fitting = [each for each in located if each[1] in states]
    wrong = [
        Outcome(inspection.text(found.id), queue, False, f"it is {state}")
        for queue, state, found in located
        if state not in states
    ]
    return Selection(_grouped(islice(fitting, selector.limit)), [*missing, *wrong])


def _matching(search: Search) -> Iterable[Placed]:
    return ((each.queue, each.state, each.found) for each in search.facts())


def _oldest(search: Search, limit: int) -> Iterable[Placed]:
    dated = [(each.since, each.queue, each.state, each.found) for each in search.facts()]
    dated.sort(key=lambda each: each[0].timestamp() if each[0] else float("inf"))
    return (placed for _, *placed in dated[:limit])  # type: ignore[misc]


def _grouped(found: Iterable[Placed]) -> list[Chosen]:
    """What was found, by place, in its order."""
    parts: dict[tuple[str, State], Chosen] = {}
    for queue, state, each in found:
        part = parts.get((queue, state)) or parts.setdefault((queue, state), Chosen(queue, state))
        part.ids.append(each.id)
        if state == "queued":
            part.positions.append(each.position)
    return list(parts.values())
