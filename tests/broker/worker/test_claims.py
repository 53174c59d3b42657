"""Claims: in order, never from a held queue, never without a trace."""

from __future__ import annotations

import threading
import time

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from rq import suspension
from rq.queue import Queue

from qctl.broker.bookkeeping import events
from qctl.broker.redis import keys
from qctl.broker.worker import pauses
from qctl.broker.worker.claims import Claimant, Trip
from qctl.broker.worker.lease import LEASE_SECONDS, Lease
from support.servers import RedisServer
from support.waiting import eventually, later


def test_claims_in_waiting_order_and_leaves_a_trace(connection: Redis, queue: Queue, claimant: Claimant) -> None:
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
    assert abs(int(at) // 1000 - now) < 5000
    assert 0 < connection.zscore(keys.LEASES, claimant.name) - now <= (LEASE_SECONDS + 2) * 1000


def test_queues_are_served_in_the_order_given(connection: Redis, claimant: Claimant) -> None:
    for name in ("low", "high"):
        Queue(name, connection=connection).enqueue("f")
    taken = [claimant.claim(["high", "low"], None) for _ in range(2)]
    assert [claim.queue for claim in taken if claim] == ["high", "low"]


@pytest.mark.parametrize("held", ["email", "email.low"])
def test_a_held_queue_gives_nothing(connection: Redis, claimant: Claimant, held: str) -> None:
    Queue("email.low", connection=connection).enqueue("f")
    pauses.pause(connection, held, actor="me")
    assert claimant.claim(["email.low"], None) is None
    pauses.resume(connection, held, actor="me")
    assert claimant.claim(["email.low"], None) is not None


def test_holding_a_lane_leaves_its_family_alone(connection: Redis, claimant: Claimant) -> None:
    Queue("email", connection=connection).enqueue("f")
    pauses.pause(connection, "email.low", actor="me")
    assert claimant.claim(["email.low", "email"], None) is not None


def test_a_pause_that_has_ended_holds_no_more(connection: Redis, queue: Queue, claimant: Claimant) -> None:
    queue.enqueue("f")
    pauses.pause(connection, "work", actor="me", seconds=0.3)
    assert claimant.claim(["work"], None) is None
    assert claimant.claim(["work"], 5.0) is not None


def test_a_pause_that_cannot_be_read_holds(connection: Redis, queue: Queue, claimant: Claimant) -> None:
    queue.enqueue("f")
    connection.hset(keys.PAUSED, "work", "{nonsense")
    assert claimant.claim(["work"], None) is None
    assert pauses.find(pauses.parse(connection.hgetall(keys.PAUSED), 0), "work") is not None


def test_rq_suspend_holds_at_once(connection: Redis, queue: Queue, claimant: Claimant) -> None:
    queue.enqueue("f")
    suspension.suspend(connection)
    assert claimant.claim(["work"], None) is None
    suspension.resume(connection)
    assert claimant.claim(["work"], None) is not None


def test_an_id_without_a_job_is_passed_over_and_told(connection: Redis, queue: Queue, claimant: Claimant) -> None:
    connection.rpush(keys.queue("work"), "gone")
    job = queue.enqueue("f")
    claim = claimant.claim(["work"], None)
    assert claim is not None
    assert claim.job_id == job.id
    assert [(e.event, e.fields["job"]) for e in events.newest(connection, 10)] == [("discarded", "gone")]
    assert connection.lrange(keys.intermediate("work"), 0, -1) == [job.id.encode()]


def test_a_key_that_is_no_hash_is_claimed_with_its_problem(connection: Redis, claimant: Claimant) -> None:
    connection.set(keys.job("odd"), "text")
    connection.rpush(keys.queue("work"), "odd")
    claim = claimant.claim(["work"], None)
    assert claim is not None
    assert claim.fields is None
    assert "string" in claim.problem
    assert claimant.quarantine("work", "odd", claim.problem)
    assert connection.llen(keys.intermediate("work")) == 0
    assert b"string" in connection.hget(keys.quarantine("work"), "odd")


def test_a_queue_that_is_no_list_does_not_hide_the_next(connection: Redis, queue: Queue, claimant: Claimant) -> None:
    connection.set(keys.queue("broken"), "text")
    job = queue.enqueue("f")
    claim = claimant.claim(["broken", "work"], None)
    assert claim is not None
    assert claim.job_id == job.id


def test_what_a_stock_worker_left_goes_with_the_next_claim(connection: Redis, queue: Queue, claimant: Claimant) -> None:
    """A stock worker of several queues leaves the id where it is when it starts the job, which may come again."""
    job = queue.enqueue("f")
    connection.rpush(keys.intermediate("work"), job.id, "another")
    assert claimant.claim(["work"], None) is not None
    assert connection.lrange(keys.intermediate("work"), 0, -1) == [b"another", job.id.encode()]


def test_an_id_of_any_bytes_can_be_claimed_and_given_back(connection: Redis, claimant: Claimant) -> None:
    odd = b"\xff\xfe\x1b[31m"
    connection.hset(keys.JOB_PREFIX.encode() + odd, mapping={"data": "x", "status": "queued"})
    connection.rpush(keys.queue("work"), odd)
    claim = claimant.claim(["work"], None)
    assert claim is not None
    assert claimant.put_back("work", claim.job_id)
    assert connection.lrange(keys.queue("work"), 0, -1) == [odd]
    assert connection.llen(keys.intermediate("work")) == 0


def test_waiting_changes_nothing_and_ends_with_a_push(connection: Redis, queue: Queue, claimant: Claimant) -> None:
    pushed: list[str] = []

    def push() -> None:
        time.sleep(0.3)
        pushed.append(queue.enqueue("f").id)

    thread = threading.Thread(target=push)
    thread.start()
    claim = claimant.claim(["work"], 10.0)
    thread.join()
    assert claim is not None
    assert [claim.job_id] == pushed


def test_a_push_to_a_queue_that_is_not_waited_on_is_seen(connection: Redis, claimant: Claimant) -> None:
    with later(0.3, lambda: Queue("second", connection=connection).enqueue("f")):
        claim = claimant.claim(["first", "second"], 10.0)
    assert claim is not None
    assert claim.queue == "second"


def test_only_the_claimant_may_give_back(connection: Redis, queue: Queue, claimant: Claimant) -> None:
    job = queue.enqueue("f")
    assert claimant.claim(["work"], None) is not None
    assert not Claimant(connection).put_back("work", job.id)
    assert not Claimant(connection).quarantine("work", job.id, "no")
    assert claimant.put_back("work", job.id)
    assert not claimant.put_back("work", job.id)
    assert connection.lrange(keys.queue("work"), 0, -1) == [job.id.encode()]


def test_the_breaker_holds_longer_each_time_and_leaves_an_operator_alone(
    connection: Redis, queue: Queue, claimant: Claimant
) -> None:
    job = queue.enqueue("f")
    waits = []
    for _ in range(3):
        assert claimant.claim(["work"], None) is not None
        claimant.put_back("work", job.id, Trip("down", first=1.0, longest=3.0))
        pause = pauses.parse(connection.hgetall(keys.PAUSED), 0)["work"]
        assert pause.until is not None
        waits.append(round((pause.until - pause.at).total_seconds(), 1))
        connection.hdel(keys.PAUSED, "work")
    assert waits == [1.0, 2.0, 3.0]
    assert claimant.claim(["work"], None) is not None
    pauses.pause(connection, "work", actor="operator", reason="deploy")
    claimant.put_back("work", job.id, Trip("down"))
    assert pauses.parse(connection.hgetall(keys.PAUSED), 0)["work"].by == "operator"


def test_a_lost_reply_is_given_back(connection: Redis, queue: Queue, claimant: Claimant) -> None:
    ids = [queue.enqueue("f").id.encode() for _ in range(3)]
    assert claimant.claim(["work"], None) is not None
    assert claimant.give_back_all(["work"]) == 1
    assert connection.lrange(keys.queue("work"), 0, -1) == ids


@hypothesis_settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(["push", "take", "back", "pause", "resume", "quarantine"]), max_size=40))
def test_a_job_is_in_exactly_one_place_whatever_is_done(connection: Redis, acts: list[str]) -> None:
    connection.flushdb()
    queue = Queue("work", connection=connection)
    claimant = Claimant(connection)
    pushed: list[str] = []
    held: list[str] = []
    quarantined: list[str] = []
    for act in acts:
        if act == "push":
            pushed.append(queue.enqueue("f").id)
        elif act == "take":
            claim = claimant.claim(["work"], None)
            if claim:
                held.append(claim.job_id)
        elif act == "back" and held:
            assert claimant.put_back("work", held.pop())
        elif act == "quarantine" and held:
            quarantined.append(held.pop())
            assert claimant.quarantine("work", quarantined[-1], "no")
        elif act == "pause":
            pauses.pause(connection, "work", actor="me")
        elif act == "resume":
            pauses.resume(connection, "work", actor="me")
    waiting = [raw.decode() for raw in connection.lrange(keys.queue("work"), 0, -1)]
    claimed = [raw.decode() for raw in connection.lrange(keys.intermediate("work"), 0, -1)]
    assert sorted(claimed) == sorted(held)
    assert sorted(waiting + held + quarantined) == sorted(pushed)
    assert {raw.decode() for raw in connection.hkeys(keys.claims("work"))} == set(held)


def test_a_claim_whose_reply_was_lost_comes_back_to_a_claimant_that_lives_on(
    connection: Redis, queue: Queue, claimant: Claimant, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = queue.enqueue("f")
    claimant._requests.send(["work"], [1])
    assert claimant.claim(["work"], None) is None
    monkeypatch.setattr("qctl.broker.worker.claims.SWEEP_SECONDS", 0.0)
    claim = claimant.claim(["work"], None)
    assert claim is not None
    assert claim.job_id == job.id


def test_whatever_is_done_beside_it_the_lease_is_renewed(
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
        eventually(lambda: len(beats) > 2, 10, "more beats")
        assert connection.zscore(keys.LEASES, "someone") is not None
    finally:
        lease.stop()
    assert "a fault of ours" in caplog.text


def test_the_running_job_is_looked_at_though_redis_hangs(own_redis: RedisServer) -> None:
    """Else whoever watches the worker would not hear in time that a job takes long."""
    hasty = Redis.from_url(own_redis.url, socket_timeout=1.5, retry=Retry(NoBackoff(), 0))
    own_redis.freeze()
    looks: list[float] = []
    lease = Lease(hasty, "someone")

    def poll() -> float:
        looks.append(time.monotonic())
        return 0.25

    lease.start(on_poll=poll)
    try:
        eventually(lambda: len(looks) > 1, 10, "two looks")
    finally:
        own_redis.thaw()
        lease.stop()
