"""Quiet claimants, which claim nothing new from the command on."""

from __future__ import annotations

import threading

import pytest
from redis import Redis
from redis.exceptions import ResponseError
from rq.queue import Queue

from qctl.broker.admin import worker_commands
from qctl.broker.bookkeeping import events
from qctl.broker.redis import keys
from qctl.broker.worker import recovery
from qctl.broker.worker.claims import Claimant
from qctl.errors import WaitTimeoutError
from qctl.models import WorkerInfo
from support.waiting import later

WAIT_SECONDS = 0.3
"""Time (s) in which a claimant that is not quiet would claim every waiting job many times."""


def info(claimant: Claimant, *queues: str) -> WorkerInfo:
    return WorkerInfo("w1", list(queues), "idle", "h", 1, None, None, True, claimant=claimant.name)


def test_only_the_quiet_claimant_claims_nothing(connection: Redis, queue: Queue, claimant: Claimant) -> None:
    job = queue.enqueue("app.send")
    result = worker_commands.quiet(connection, info(claimant, "work"), actor="me@host")
    assert (result.changed, result.claims) == (True, [])
    assert claimant.claim(["work"], WAIT_SECONDS) is None
    other = Claimant(connection)
    claim = other.claim(["work"], None)
    assert claim is not None
    assert claim.job_id == job.id
    other.lease.stop()


def test_resumed_claimant_claims_again(connection: Redis, queue: Queue, claimant: Claimant) -> None:
    queue.enqueue("app.send")
    worker = info(claimant, "work")
    assert not worker_commands.resume(connection, worker, actor="me").changed
    assert worker_commands.quiet(connection, worker, actor="me").changed
    assert not worker_commands.quiet(connection, worker, actor="you").changed
    assert worker_commands.resume(connection, worker, actor="me").changed
    assert claimant.claim(["work"], None) is not None
    assert [(e.event, e.fields) for e in events.newest(connection, 9)] == [
        ("quieted", {"worker": "w1", "actor": "me"}),
        ("resumed", {"worker": "w1", "actor": "me"}),
    ]


def test_wait_covers_jobs_claimed_before(connection: Redis, queue: Queue, claimant: Claimant) -> None:
    job = queue.enqueue("app.send")
    connection.zadd(keys.LEASES, {claimant.name: 9e15})
    claim = claimant.claim(["other", "work"], None)
    assert claim is not None
    result = worker_commands.quiet(connection, info(claimant, "other", "work"), actor="me")
    assert result.claims == [("work", job.id)]
    with pytest.raises(WaitTimeoutError, match=f"may still start: {job.id}"):
        worker_commands.wait_for_claims(connection, result, 0.05)
    with later(0.1, lambda: claimant.put_back("work", job.id)):
        worker_commands.wait_for_claims(connection, result, 10.0)
    assert claimant.claim(["work"], None) is None


def test_job_is_either_reported_as_claimed_or_not_claimed(connection: Redis, queue: Queue, claimant: Claimant) -> None:
    """At any moment, a job is either in the claims that `quiet` returns, or is not claimed."""
    for _ in range(30):
        queue.enqueue("app.send")
    taken: list[str] = []

    def work() -> None:
        while claim := claimant.claim(["work"], None):
            taken.append(claim.job_id)

    worker = threading.Thread(target=work)
    worker.start()
    result = worker_commands.quiet(connection, info(claimant, "work"), actor="me")
    worker.join()
    assert sorted(taken) == sorted(job_id for _, job_id in result.claims)


def test_flag_of_wrong_type_stops_claims_with_an_error(connection: Redis, queue: Queue, claimant: Claimant) -> None:
    queue.enqueue("app.send")
    connection.set(keys.QUIET, "text")
    with pytest.raises(ResponseError, match="WRONGTYPE"):
        claimant.claim(["work"], None)
    assert len(queue) == 1


def test_flags_of_dead_claimants_are_deleted(connection: Redis, claimant: Claimant) -> None:
    connection.zadd(keys.LEASES, {"lives": 9e15})
    connection.hset(keys.QUIET, mapping={"lives": "{}", "died": "{}", claimant.name: "{}"})
    recovery.delete_dead_leases(connection)
    assert set(connection.hkeys(keys.QUIET)) == {b"lives"}
    connection.hset(keys.QUIET, claimant.name, "{}")
    claimant.lease.stop()
    assert set(connection.hkeys(keys.QUIET)) == {b"lives"}
