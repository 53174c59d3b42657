"""Jobs that are in no place: found by reading alone, brought back once, never while they are somewhere."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis import Redis

from qctl.broker.admin import requeue_orphans
from qctl.broker.query import job_locations, orphans
from qctl.broker.redis import keys
from qctl.broker.worker.claims import Claimant
from qctl.models import State
from support import stock

LONG_AGO = "2026-01-01T00:00:00.000000Z"


def old(connection: Redis, job_id: str, **fields: str) -> None:
    """Make it as old as an orphan has to be."""
    connection.hset(keys.job(job_id), mapping={"created_at": LONG_AGO, "enqueued_at": LONG_AGO, **fields})


def found(connection: Redis) -> list[tuple[bytes, str, State]]:
    return sorted((each.id, each.queue, each.state) for each in orphans.find(connection, lambda *_: None))


@pytest.fixture
def lost(connection: Redis) -> list[bytes]:
    """Three orphans beside jobs that are where they belong."""
    for status in ("queued", "started", "scheduled"):
        stock.enqueue(connection, "mail", status)
        connection.lrem(keys.queue("mail"), 0, status)
        old(connection, status, status=status)
    stock.enqueue(connection, "mail", "waits")
    old(connection, "waits")
    stock.enqueue(connection, "mail", "fresh")
    connection.lrem(keys.queue("mail"), 0, "fresh")
    return [b"queued", b"scheduled", b"started"]


def test_what_is_nowhere_is_found_and_nothing_is_written(connection: Redis, lost: list[bytes]) -> None:
    before = {key: connection.dump(key) for key in connection.scan_iter()}
    told: list[tuple[int, int | None]] = []
    assert [each.id for each in sorted(orphans.find(connection, lambda *now: told.append(now)), key=str)] == lost
    assert told[-1][0] == told[-1][1]
    assert {key: connection.dump(key) for key in connection.scan_iter()} == before


@pytest.mark.parametrize(
    "place",
    [
        lambda redis, id_: redis.rpush(keys.queue("mail"), id_),
        lambda redis, id_: redis.rpush(keys.intermediate("mail"), id_),
        lambda redis, id_: redis.zadd(keys.scheduled("mail"), {id_: 1}),
        lambda redis, id_: redis.zadd(keys.started("mail"), {id_ + b":run": 1}),
        lambda redis, id_: redis.hset(keys.claims("mail"), id_, "w|1"),
        lambda redis, id_: redis.hset(keys.quarantine("mail"), id_, "{}"),
    ],
    ids=["waiting", "claimed", "due", "running", "a claim", "quarantined"],
)
def test_what_is_somewhere_is_none(
    connection: Redis, lost: list[bytes], place: Callable[[Redis, bytes], object]
) -> None:
    seen = list(orphans.find(connection, lambda *_: None))
    for id_ in lost:
        place(connection, id_)
    assert found(connection) == []
    if not connection.exists(keys.started("mail")):  # a run is known to the script by its execution or its claim
        assert requeue_orphans.requeue(connection, seen, actor="ops@host") == 0


@pytest.mark.parametrize("status", ["finished", "failed", "canceled", "stopped", "deferred", "created", "", "x"])
def test_other_states_are_none(connection: Redis, lost: list[bytes], status: str) -> None:
    for id_ in lost:
        connection.hset(keys.job(id_.decode()), "status", status)
    assert found(connection) == []


def test_they_are_enqueued_again_once(connection: Redis, lost: list[bytes]) -> None:
    seen = list(orphans.find(connection, lambda *_: None))
    assert requeue_orphans.requeue(connection, seen, actor="ops@host") == 3
    assert requeue_orphans.requeue(connection, seen, actor="ops@host") == 0
    assert sorted(connection.lrange(keys.queue("mail"), 1, -1)) == lost
    assert connection.hget(keys.job("started"), "status") == b"queued"
    told = [fields for _, fields in connection.xrange(keys.EVENTS) if fields[b"event"] == b"recovered"]
    assert {(each[b"job"], each[b"actor"], each[b"reason"]) for each in told} == {
        (id_, b"ops@host", b"orphan") for id_ in lost
    }
    assert found(connection) == []


def test_a_worker_can_take_what_came_back(connection: Redis, lost: list[bytes], claimant: Claimant) -> None:
    requeue_orphans.requeue(connection, orphans.find(connection, lambda *_: None), actor="ops@host")
    taken = {claimant.claim(["mail"], 0.1) is not None for _ in range(4)}
    assert taken == {True}


def test_damage_is_passed_by(connection: Redis, lost: list[bytes]) -> None:
    connection.set(keys.job("string"), "x")
    connection.hset(keys.job("dates"), mapping={"status": "queued", "origin": "mail", "created_at": "never"})
    connection.set(keys.queue("odd"), "x")
    connection.hset(keys.job("odd"), mapping={"status": "queued", "origin": "odd", "created_at": LONG_AGO})
    assert [each for each in found(connection) if each[1] == "mail"] == [(id_, "mail", id_.decode()) for id_ in lost]


@given(st.lists(st.tuples(st.sampled_from(["queued", "started", "scheduled"]), st.booleans()), max_size=30))
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_exactly_those_in_no_place(connection: Redis, jobs: list[tuple[State, bool]]) -> None:
    """Property: a job is an orphan if and only if it is in no place, whatever others there are."""
    connection.flushall()
    wanted = []
    for n, (state, is_placed) in enumerate(jobs):
        id_ = f"j{n}"
        old(connection, id_, status=state, origin="mail")
        if not is_placed:
            wanted.append((id_.encode(), "mail", state))
        elif state == "queued":
            connection.rpush(job_locations.key(state, "mail"), id_)
        else:
            connection.zadd(job_locations.key(state, "mail"), {f"{id_}:run" if state == "started" else id_: n})
    assert found(connection) == sorted(wanted)
