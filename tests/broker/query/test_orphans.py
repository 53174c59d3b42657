"""Orphans, which are in no location: found by reading alone, requeued once, never if they are in one."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from redis import Redis

from qctl.broker.admin import requeue_orphans
from qctl.broker.query import job_locations, orphans
from qctl.broker.redis import keys
from qctl.broker.worker.claims import Claimant
from qctl.models import State
from support import stock
from support.waiting import UNHURRIED

LONG_AGO = "2026-01-01T00:00:00.000000Z"


def old(connection: Redis, job_id: str, **fields: str) -> None:
    """Make a job as old as an orphan has to be."""
    connection.hset(keys.job(job_id), mapping={"created_at": LONG_AGO, "enqueued_at": LONG_AGO, **fields})


def find(connection: Redis) -> list[tuple[bytes, str, State]]:
    return sorted((orphan.id, orphan.queue, orphan.state) for orphan in orphans.find(connection, lambda *_: None))


@pytest.fixture
def lost(connection: Redis) -> list[bytes]:
    """Three orphans, and jobs that are in their locations."""
    for status in ("queued", "started", "scheduled"):
        stock.enqueue(connection, "mail", status)
        connection.lrem(keys.queue("mail"), 0, status)
        old(connection, status, status=status)
    stock.enqueue(connection, "mail", "waits")
    old(connection, "waits")
    stock.enqueue(connection, "mail", "fresh")
    connection.lrem(keys.queue("mail"), 0, "fresh")
    return [b"queued", b"scheduled", b"started"]


def test_orphans_are_found_without_writing(connection: Redis, lost: list[bytes]) -> None:
    before = {key: connection.dump(key) for key in connection.scan_iter()}
    progress: list[tuple[int, int | None]] = []
    assert [
        orphan.id for orphan in sorted(orphans.find(connection, lambda *now: progress.append(now)), key=str)
    ] == lost
    assert progress[-1][0] == progress[-1][1]
    assert {key: connection.dump(key) for key in connection.scan_iter()} == before


@pytest.mark.parametrize(
    "put",
    [
        lambda redis, id_: redis.rpush(keys.queue("mail"), id_),
        lambda redis, id_: redis.rpush(keys.intermediate("mail"), id_),
        lambda redis, id_: redis.zadd(keys.scheduled("mail"), {id_: 1}),
        lambda redis, id_: redis.zadd(keys.started("mail"), {id_ + b":0123456789abcdef": 4_000_000_000}),
        lambda redis, id_: redis.hset(keys.claims("mail"), id_, "w|1"),
        lambda redis, id_: redis.hset(keys.quarantine("mail"), id_, "{}"),
    ],
    ids=["waiting", "claimed", "due", "running", "a claim", "quarantined"],
)
def test_job_in_a_location_is_no_orphan(
    connection: Redis, lost: list[bytes], put: Callable[[Redis, bytes], object]
) -> None:
    seen = list(orphans.find(connection, lambda *_: None))
    for id_ in lost:
        put(connection, id_)
    assert find(connection) == []
    if not connection.exists(keys.started("mail")):  # a run is known to the script by its execution or its claim
        assert requeue_orphans.requeue(connection, seen, actor="ops@host") == 0


@pytest.mark.parametrize("status", ["finished", "failed", "canceled", "stopped", "deferred", "created", "", "x"])
def test_jobs_of_other_states_are_no_orphans(connection: Redis, lost: list[bytes], status: str) -> None:
    for id_ in lost:
        connection.hset(keys.job(id_.decode()), "status", status)
    assert find(connection) == []


def test_orphans_are_requeued_once(connection: Redis, lost: list[bytes]) -> None:
    seen = list(orphans.find(connection, lambda *_: None))
    assert requeue_orphans.requeue(connection, seen, actor="ops@host") == 3
    assert requeue_orphans.requeue(connection, seen, actor="ops@host") == 0
    assert sorted(connection.lrange(keys.queue("mail"), 1, -1)) == lost
    assert connection.hget(keys.job("started"), "status") == b"queued"
    recovered = [fields for _, fields in connection.xrange(keys.EVENTS) if fields[b"event"] == b"recovered"]
    assert {(event[b"job"], event[b"actor"], event[b"reason"]) for event in recovered} == {
        (id_, b"ops@host", b"orphan") for id_ in lost
    }
    assert find(connection) == []


def test_worker_claims_requeued_orphan(connection: Redis, lost: list[bytes], claimant: Claimant) -> None:
    requeue_orphans.requeue(connection, orphans.find(connection, lambda *_: None), actor="ops@host")
    taken = {claimant.claim(["mail"], 0.1) is not None for _ in range(4)}
    assert taken == {True}


def test_damaged_jobs_are_skipped(connection: Redis, lost: list[bytes]) -> None:
    connection.set(keys.job("string"), "x")
    connection.hset(keys.job("dates"), mapping={"status": "queued", "origin": "mail", "created_at": "never"})
    connection.set(keys.queue("odd"), "x")
    connection.hset(keys.job("odd"), mapping={"status": "queued", "origin": "odd", "created_at": LONG_AGO})
    assert [orphan for orphan in find(connection) if orphan[1] == "mail"] == [
        (id_, "mail", id_.decode()) for id_ in lost
    ]


@given(st.lists(st.tuples(st.sampled_from(["queued", "started", "scheduled"]), st.booleans()), max_size=30))
@settings(max_examples=15, deadline=None, suppress_health_check=UNHURRIED)
def test_exactly_the_jobs_in_no_location_are_orphans(connection: Redis, jobs: list[tuple[State, bool]]) -> None:
    """Property: a job is an orphan if and only if it is in no location, whatever other jobs there are."""
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
            connection.zadd(
                job_locations.key(state, "mail"), {f"{id_}:0123456789abcdef" if state == "started" else id_: n}
            )
    assert find(connection) == sorted(wanted)
