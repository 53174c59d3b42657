"""Test claims: in order, never from a paused queue, and always written down; and the lease of a claimant."""

from __future__ import annotations

import threading
import time

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from rq import suspension
from rq.queue import Queue

from qctl.broker.bookkeeping import events
from qctl.broker.redis import keys
from qctl.broker.worker import current_pauses, pauses
from qctl.broker.worker.claims import Claimant, Trip
from qctl.broker.worker.lease import LEASE_SECONDS, Lease
from support.servers import RedisServer
from support.waiting import PATIENCE_SECONDS, UNHURRIED, eventually, later


def test_jobs_are_claimed_in_waiting_order_and_the_claim_is_written(
    connection: Redis, queue: Queue, claimant: Claimant
) -> None:
    first, second = queue.enqueue("f"), queue.enqueue("f")
    claim = claimant.claim(["work"], None)
    assert claim is not None
    assert (claim.queue, claim.job_id) == ("work", first.id)
    assert claim.fields is not None
    assert claim.fields[b"status"] == b"queued"
    assert connection.lrange(keys.intermediate("work"), 0, -1) == [first.id.encode()]
    assert connection.lrange(keys.queue("work"), 0, -1) == [second.id.encode()]
    name, _, at = connection.hget(keys.claims("work"), first.id).decode().rpartition("|")
    assert name == claimant.name
    now = connection.time()[0] * 1000
    assert abs(int(at) // 1000 - now) < 1000 * PATIENCE_SECONDS
    assert 0 < connection.zscore(keys.LEASES, claimant.name) - now <= (LEASE_SECONDS + 2) * 1000


def test_queues_are_claimed_from_in_the_given_order(connection: Redis, claimant: Claimant) -> None:
    for name in ("low", "high"):
        Queue(name, connection=connection).enqueue("f")
    taken = [claimant.claim(["high", "low"], None) for _ in range(2)]
    assert [claim.queue for claim in taken if claim] == ["high", "low"]


@pytest.mark.parametrize("paused", ["email", "email.low"])
def test_paused_queue_gives_nothing(connection: Redis, claimant: Claimant, paused: str) -> None:
    Queue("email.low", connection=connection).enqueue("f")
    pauses.pause(connection, paused, actor="me")
    assert claimant.claim(["email.low"], None) is None
    pauses.resume(connection, paused, actor="me")
    assert claimant.claim(["email.low"], None) is not None


def test_pause_of_a_lane_does_not_pause_its_base_queue(connection: Redis, claimant: Claimant) -> None:
    Queue("email", connection=connection).enqueue("f")
    pauses.pause(connection, "email.low", actor="me")
    assert claimant.claim(["email.low", "email"], None) is not None


def test_jobs_are_claimed_once_a_pause_has_ended(connection: Redis, queue: Queue, claimant: Claimant) -> None:
    queue.enqueue("f")
    pauses.pause(connection, "work", actor="me", seconds=2)
    assert claimant.claim(["work"], None) is None
    assert claimant.claim(["work"], PATIENCE_SECONDS) is not None


def test_pause_that_cannot_be_parsed_lasts(connection: Redis, queue: Queue, claimant: Claimant) -> None:
    queue.enqueue("f")
    connection.hset(keys.PAUSED, "work", "{nonsense")
    assert claimant.claim(["work"], None) is None
    assert current_pauses.find(current_pauses.parse(connection.hgetall(keys.PAUSED), 0), "work") is not None


def test_rq_suspend_takes_effect_at_once(connection: Redis, queue: Queue, claimant: Claimant) -> None:
    queue.enqueue("f")
    suspension.suspend(connection)
    assert claimant.claim(["work"], None) is None
    suspension.resume(connection)
    assert claimant.claim(["work"], None) is not None


def test_id_without_a_job_is_skipped_with_an_event(connection: Redis, queue: Queue, claimant: Claimant) -> None:
    connection.rpush(keys.queue("work"), "gone")
    job = queue.enqueue("f")
    claim = claimant.claim(["work"], None)
    assert claim is not None
    assert claim.job_id == job.id
    assert [(e.event, e.fields["job"]) for e in events.newest(connection, 10)] == [("discarded", "gone")]
    assert connection.lrange(keys.intermediate("work"), 0, -1) == [job.id.encode()]


def test_key_that_is_not_a_hash_is_claimed_with_its_problem(connection: Redis, claimant: Claimant) -> None:
    connection.set(keys.job("odd"), "text")
    connection.rpush(keys.queue("work"), "odd")
    claim = claimant.claim(["work"], None)
    assert claim is not None
    assert claim.fields is None
    assert "string" in claim.problem
    assert claimant.quarantine("work", "odd", claim.problem)
    assert connection.llen(keys.intermediate("work")) == 0
    assert b"string" in connection.hget(keys.quarantine("work"), "odd")


def test_queue_that_is_not_a_list_does_not_hide_the_next(connection: Redis, queue: Queue, claimant: Claimant) -> None:
    connection.set(keys.queue("broken"), "text")
    job = queue.enqueue("f")
    claim = claimant.claim(["broken", "work"], None)
    assert claim is not None
    assert claim.job_id == job.id


def test_id_left_by_a_stock_worker_is_removed_by_the_next_claim(
    connection: Redis, queue: Queue, claimant: Claimant
) -> None:
    """A stock worker of several queues leaves the id where it is when it starts the job, which may come again."""
    job = queue.enqueue("f")
    connection.rpush(keys.intermediate("work"), job.id, "another")
    assert claimant.claim(["work"], None) is not None
    assert connection.lrange(keys.intermediate("work"), 0, -1) == [b"another", job.id.encode()]


def test_id_of_any_bytes_can_be_claimed_and_given_back(connection: Redis, claimant: Claimant) -> None:
    odd = b"\xff\xfe\x1b[31m"
    connection.hset(keys.JOB_PREFIX.encode() + odd, mapping={"data": "x", "status": "queued"})
    connection.rpush(keys.queue("work"), odd)
    claim = claimant.claim(["work"], None)
    assert claim is not None
    assert claimant.put_back("work", claim.job_id)
    assert connection.lrange(keys.queue("work"), 0, -1) == [odd]
    assert connection.llen(keys.intermediate("work")) == 0


def test_wait_changes_nothing_and_ends_with_a_push(connection: Redis, queue: Queue, claimant: Claimant) -> None:
    pushed: list[str] = []

    def push() -> None:
        time.sleep(0.3)
        pushed.append(queue.enqueue("f").id)

    thread = threading.Thread(target=push)
    thread.start()
    claim = claimant.claim(["work"], PATIENCE_SECONDS)
    thread.join()
    assert claim is not None
    assert [claim.job_id] == pushed


def test_push_to_a_queue_that_is_not_waited_on_is_noticed(connection: Redis, claimant: Claimant) -> None:
    with later(0.3, lambda: Queue("second", connection=connection).enqueue("f")):
        claim = claimant.claim(["first", "second"], PATIENCE_SECONDS)
    assert claim is not None
    assert claim.queue == "second"


def test_only_the_claimant_may_give_a_job_back(connection: Redis, queue: Queue, claimant: Claimant) -> None:
    job = queue.enqueue("f")
    assert claimant.claim(["work"], None) is not None
    assert not Claimant(connection).put_back("work", job.id)
    assert not Claimant(connection).quarantine("work", job.id, "no")
    assert claimant.put_back("work", job.id)
    assert not claimant.put_back("work", job.id)
    assert connection.lrange(keys.queue("work"), 0, -1) == [job.id.encode()]


def test_breaker_pauses_longer_each_time_and_keeps_an_operators_pause(
    connection: Redis, queue: Queue, claimant: Claimant
) -> None:
    job = queue.enqueue("f")
    waits = []
    for _ in range(3):
        assert claimant.claim(["work"], None) is not None
        claimant.put_back("work", job.id, Trip("down", first=1.0, longest=3.0))
        pause = current_pauses.parse(connection.hgetall(keys.PAUSED), 0)["work"]
        assert pause.until is not None
        waits.append(round((pause.until - pause.at).total_seconds(), 1))
        connection.hdel(keys.PAUSED, "work")
    assert waits == [1.0, 2.0, 3.0]
    assert claimant.claim(["work"], None) is not None
    pauses.pause(connection, "work", actor="operator", reason="deploy")
    claimant.put_back("work", job.id, Trip("down"))
    assert current_pauses.parse(connection.hgetall(keys.PAUSED), 0)["work"].by == "operator"


def test_claim_with_a_lost_reply_is_given_back(connection: Redis, queue: Queue, claimant: Claimant) -> None:
    ids = [queue.enqueue("f").id.encode() for _ in range(3)]
    assert claimant.claim(["work"], None) is not None
    assert claimant.give_back_all(["work"]) == 1
    assert connection.lrange(keys.queue("work"), 0, -1) == ids


@hypothesis_settings(max_examples=25, deadline=None, suppress_health_check=UNHURRIED)
@given(st.lists(st.sampled_from(["push", "take", "back", "pause", "resume", "quarantine"]), max_size=40))
def test_each_job_is_in_one_place_after_any_operations(connection: Redis, operations: list[str]) -> None:
    connection.flushdb()
    queue = Queue("work", connection=connection)
    claimant = Claimant(connection)
    pushed: list[str] = []
    claimed_now: list[str] = []
    quarantined: list[str] = []
    for operation in operations:
        if operation == "push":
            pushed.append(queue.enqueue("f").id)
        elif operation == "take":
            claim = claimant.claim(["work"], None)
            if claim:
                claimed_now.append(claim.job_id)
        elif operation == "back" and claimed_now:
            assert claimant.put_back("work", claimed_now.pop())
        elif operation == "quarantine" and claimed_now:
            quarantined.append(claimed_now.pop())
            assert claimant.quarantine("work", quarantined[-1], "no")
        elif operation == "pause":
            pauses.pause(connection, "work", actor="me")
        elif operation == "resume":
            pauses.resume(connection, "work", actor="me")
    waiting = [raw.decode() for raw in connection.lrange(keys.queue("work"), 0, -1)]
    claimed = [raw.decode() for raw in connection.lrange(keys.intermediate("work"), 0, -1)]
    assert sorted(claimed) == sorted(claimed_now)
    assert sorted(waiting + claimed_now + quarantined) == sorted(pushed)
    assert {raw.decode() for raw in connection.hkeys(keys.claims("work"))} == set(claimed_now)


def test_claim_with_a_lost_reply_is_claimed_again_by_a_claimant_that_lives(
    connection: Redis, queue: Queue, claimant: Claimant, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = queue.enqueue("f")
    claimant._requests.send(["work"], [1])
    assert claimant.claim(["work"], None) is None
    monkeypatch.setattr("qctl.broker.worker.claims.SWEEP_SECONDS", 0.0)
    claim = claimant.claim(["work"], None)
    assert claim is not None
    assert claim.job_id == job.id


def test_lease_is_renewed_although_a_task_beside_it_fails(
    connection: Redis, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("qctl.broker.worker.lease.RENEWAL_SECONDS", 0.01)
    beats: list[int] = []

    def stumble() -> None:
        beats.append(1)
        raise ValueError("a fault of ours")

    lease = Lease(connection, "someone")
    lease.start(on_renewal=stumble)
    try:
        eventually(lambda: len(beats) > 2, what="more beats")
        assert connection.zscore(keys.LEASES, "someone") is not None
    finally:
        lease.stop()
    assert "a fault of ours" in caplog.text


def test_lease_thread_polls_although_redis_hangs(own_redis: RedisServer) -> None:
    """Otherwise the supervisor would not know in time that a job takes long."""
    hasty = Redis.from_url(own_redis.url, socket_timeout=1.5, retry=Retry(NoBackoff(), 0))
    own_redis.freeze()
    polls: list[float] = []
    lease = Lease(hasty, "someone")

    def poll() -> float:
        polls.append(time.monotonic())
        return 0.25

    lease.start(on_poll=poll)
    try:
        eventually(lambda: len(polls) > 1, what="two polls")
    finally:
        own_redis.thaw()
        lease.stop()
