"""Where jobs are that are known by their ids alone: the hash says where it should be, the place whether it is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from redis import Redis

from qctl.broker.query import dead_letters, job_locations
from qctl.broker.query.job_locations import JobEntry, LocatedJob
from qctl.broker.redis import job_fields, keys, replies, untrusted_fields
from qctl.models import Outcome, State

STEP = 500
"""Ids looked for at once."""


def locate(connection: Redis, ids: Sequence[str], queues: Sequence[str]) -> tuple[list[LocatedJob], list[Outcome]]:
    """These jobs in their order, and what is to be said of those that are in no place. `queues` are all there are:
    a dead letter whose hash is gone is looked for in each."""
    located: dict[str, LocatedJob] = {}
    said: dict[str, Outcome] = {}
    for start in range(0, len(ids), STEP):
        step = ids[start : start + STEP]
        supposed = _supposed(connection, step, said)
        located.update(_confirmed(connection, supposed))
        lost = [id_ for id_ in step if id_ not in located]
        for id_, place in dead_letters.find(connection, lost, queues).items() if lost else ():
            located[id_] = (place.queue, place.state, JobEntry(untrusted_fields.encode(id_)))
    _find_waiting(connection, located)
    missing = [said.get(id_, Outcome(id_, "", False, "there is no such job")) for id_ in ids if id_ not in located]
    return [located[id_] for id_ in dict.fromkeys(ids) if id_ in located], missing


def current_states(connection: Redis, ids: Sequence[str]) -> dict[str, tuple[str, str]]:
    """State and queue of each as its hash says: another status where that is no state, `trash` of what lies there."""
    return {
        id_: ("trash" if status == "canceled" and batch else job_locations.BY_STATUS.get(status, status), queue)
        for id_, status, queue, batch in _hashes(connection, ids)
    }


def _hashes(connection: Redis, ids: Sequence[str]) -> Iterator[tuple[str, str, str, str]]:
    """Id, status, queue and trash batch of each, empty where its hash does not say."""
    with connection.pipeline(transaction=False) as pipe:
        for id_ in ids:
            pipe.hmget(keys.job(id_), "status", "origin", job_fields.TRASH_BATCH)
        answers = replies.execute(pipe)
    for id_, answer in zip(ids, answers, strict=True):
        status, queue, batch = (untrusted_fields.decode(value) for value in replies.granted(answer, [None] * 3))
        yield id_, status, queue, batch


def _supposed(connection: Redis, ids: Sequence[str], said: dict[str, Outcome]) -> dict[str, tuple[str, State]]:
    """Where each should be by its hash. What else its hash says goes into `said`."""
    found: dict[str, tuple[str, State]] = {}
    for id_, status, queue, batch in _hashes(connection, ids):
        if status == "canceled" and batch:
            said[id_] = Outcome(id_, queue, False, f"it is in trash batch {batch}", "trash")
        elif status in job_locations.BY_STATUS and queue:
            found[id_] = (queue, job_locations.BY_STATUS[status])
            said[id_] = Outcome(id_, queue, False, f"it says it is {status}, and is in no place of that kind")
        elif status:
            said[id_] = Outcome(id_, queue, False, f"it is {status}", status)
    return found


def _confirmed(connection: Redis, supposed: dict[str, tuple[str, State]]) -> Iterable[tuple[str, LocatedJob]]:
    """Those that are where they should be. Whether they wait is looked at later, for all of a queue at once."""
    with connection.pipeline(transaction=False) as pipe:
        for id_, (queue, state) in supposed.items():
            if state in ("queued", "started"):
                pipe.hget(keys.claims(queue), id_)
            else:
                pipe.zscore(job_locations.key(state, queue), id_)
        answers = [replies.granted(answer, None) for answer in replies.execute(pipe)]
    for (id_, (queue, state)), there in zip(supposed.items(), answers, strict=True):
        raw = untrusted_fields.encode(id_)
        if state == "queued":
            # Claimed, and not started yet: its worker has it.
            yield id_, (queue, "queued" if there is None else "started", JobEntry(raw))
        elif state == "started":
            yield id_, (queue, state, JobEntry(raw))
        elif there is not None:
            yield id_, (queue, state, JobEntry(raw, score=float(there)))


def _find_waiting(connection: Redis, located: dict[str, LocatedJob]) -> None:
    """Learn where those that wait are in their queues, and forget those that do not."""
    waiting: dict[str, list[str]] = {}
    for id_, (queue, state, _) in located.items():
        if state == "queued":
            waiting.setdefault(queue, []).append(id_)
    for queue, ids in waiting.items():
        found = job_locations.find_positions(connection, queue, [untrusted_fields.encode(id_) for id_ in ids])
        for id_ in ids:
            position = found.get(untrusted_fields.encode(id_))
            if position is None:
                del located[id_]
            else:
                located[id_] = (queue, "queued", JobEntry(untrusted_fields.encode(id_), position))
