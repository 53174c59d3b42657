"""Finds the locations of jobs by their ids: a job's hash says its state, and its location confirms it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from redis import Redis

from qctl.broker.query import dead_claims, dead_letters, job_locations
from qctl.broker.query.dead_claims import Leases
from qctl.broker.query.job_locations import JobEntry, LocatedJob
from qctl.broker.redis import clock, job_fields, keys, replies, untrusted_fields
from qctl.models import Outcome, State

IDS_PER_READ = 500


def locate(connection: Redis, ids: Sequence[str], queues: Sequence[str]) -> tuple[list[LocatedJob], list[Outcome]]:
    """Return these jobs in their order, and an outcome for each that is in no location.

    `queues` are all queues, because a dead letter without a hash can be in any of them.
    """
    located: dict[str, LocatedJob] = {}
    outcomes: dict[str, Outcome] = {}
    for start in range(0, len(ids), IDS_PER_READ):
        page = ids[start : start + IDS_PER_READ]
        expected = _expected(connection, page, outcomes)
        located.update(_confirmed(connection, expected))
        lost = [id_ for id_ in page if id_ not in located]
        for id_, letter in dead_letters.find(connection, lost, queues).items() if lost else ():
            located[id_] = (letter.queue, letter.state, JobEntry(untrusted_fields.encode(id_)))
    _find_waiting(connection, located)
    missing = [outcomes.get(id_, Outcome(id_, "", False, "there is no such job")) for id_ in ids if id_ not in located]
    return [located[id_] for id_ in dict.fromkeys(ids) if id_ in located], missing


def current_states(connection: Redis, ids: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Return state and queue of each job by its hash: its status if that is not a state, `trash` if it is in the
    trash."""
    return {
        id_: ("trash" if status == "canceled" and batch else job_locations.BY_STATUS.get(status, status), queue)
        for id_, status, queue, batch in _hashes(connection, ids)
    }


def unlisted_detail(status: str) -> str:
    """Explain a job of this status that its queue does not list."""
    detail = f"its status is {status}, but its queue does not list it there: nothing will run it"
    return f"{detail}; enqueue it with: qctl doctor --repair" if status in _ENQUEUED_BY_REPAIR else detail


_ENQUEUED_BY_REPAIR = frozenset({"queued", "started", "scheduled"})


def _runs(connection: Redis, queues: Iterable[str]) -> tuple[dict[tuple[str, bytes], float], float]:
    """Return when the lease on each started job of these queues ends, by queue and id, and the time of Redis."""
    ends: dict[tuple[str, bytes], float] = {}
    for queue in queues:
        for member, score in replies.scored_members(connection.zrange(keys.started(queue), 0, -1, withscores=True)):
            place = queue, job_locations.started_job_id(member)
            ends[place] = max(score, ends.get(place, score))
    return ends, clock.now_ms(connection) / 1000


def _hashes(connection: Redis, ids: Sequence[str]) -> Iterator[tuple[str, str, str, str]]:
    """Yield id, status, queue and trash batch of each job, empty if its hash lacks them."""
    with connection.pipeline(transaction=False) as pipe:
        for id_ in ids:
            pipe.hmget(keys.job(id_), "status", "origin", job_fields.TRASH_BATCH)
        answers = replies.execute(pipe)
    for id_, answer in zip(ids, answers, strict=True):
        status, queue, batch = map(untrusted_fields.decode, replies.field_values(answer, 3))
        yield id_, status, queue, batch


def _expected(connection: Redis, ids: Sequence[str], outcomes: dict[str, Outcome]) -> dict[str, tuple[str, State]]:
    """Return queue and state of each job by its hash. Adds an outcome for each job that turns out to be elsewhere."""
    expected: dict[str, tuple[str, State]] = {}
    for id_, status, queue, batch in _hashes(connection, ids):
        if status == "canceled" and batch:
            outcomes[id_] = Outcome(id_, queue, False, f"it is in trash batch {batch}", "trash")
        elif status in job_locations.BY_STATUS and queue:
            expected[id_] = (queue, job_locations.BY_STATUS[status])
            outcomes[id_] = Outcome(id_, queue, False, unlisted_detail(status))
        elif status:
            outcomes[id_] = Outcome(id_, queue, False, f"it is {status}", status)
    return expected


def _confirmed(connection: Redis, expected: dict[str, tuple[str, State]]) -> Iterable[tuple[str, LocatedJob]]:
    """Yield the jobs that are in their locations. Waiting ones are checked later, all of a queue at once."""
    with connection.pipeline(transaction=False) as pipe:
        for id_, (queue, state) in expected.items():
            if state in ("queued", "started"):
                pipe.hget(keys.claims(queue), id_)
            else:
                pipe.zscore(job_locations.key(state, queue), id_)
        dead_claims.stage(pipe)
        *answers, raw_leases = replies.execute(pipe)
    ends, now = _runs(connection, {queue for queue, state in expected.values() if state == "started"})
    leases = Leases(raw_leases, now * 1000)
    for (id_, (queue, state)), answer in zip(expected.items(), answers, strict=True):
        raw = untrusted_fields.encode(id_)
        if state == "queued":
            # A claimed job that has not started yet is with its worker.
            is_claimed = replies.optional_bytes(answer) is not None
            yield id_, (queue, "started" if is_claimed else "queued", JobEntry(raw))
        elif state == "started" and replies.optional_bytes(answer) is not None:
            yield id_, (queue, state, JobEntry(raw, is_abandoned=leases.is_left(replies.optional_bytes(answer))))
        elif state == "started" and (queue, raw) in ends:
            yield id_, (queue, state, JobEntry(raw, is_abandoned=ends[queue, raw] <= now))
        elif state != "started" and (score := replies.optional_float(answer)) is not None:
            yield id_, (queue, state, JobEntry(raw, score=score))


def _find_waiting(connection: Redis, located: dict[str, LocatedJob]) -> None:
    """Add the positions of waiting jobs, and remove those that do not wait."""
    waiting: dict[str, list[str]] = {}
    for id_, (queue, state, _) in located.items():
        if state == "queued":
            waiting.setdefault(queue, []).append(id_)
    for queue, ids in waiting.items():
        positions = job_locations.find_positions(connection, queue, [untrusted_fields.encode(id_) for id_ in ids])
        for id_ in ids:
            raw = untrusted_fields.encode(id_)
            if raw in positions:
                located[id_] = (queue, "queued", JobEntry(raw, positions[raw]))
            else:
                del located[id_]
