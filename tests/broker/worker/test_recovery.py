"""Test recovery: jobs of dead workers run again, not too early, at no cost, and not for ever."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from redis import Redis
from rq import Retry
from rq.queue import Queue

from qctl.broker.bookkeeping import events
from qctl.broker.redis import keys
from qctl.broker.worker import recovery
from qctl.broker.worker.claims import Claimant
from qctl.broker.worker.recovery import Recoverer, recover
from qctl.broker.worker.rq_adapter import QctlWorker
from support.servers import RedisServer
from support.waiting import eventually
from support.workers import qctl_worker, stock_worker


@pytest.fixture
def impatient(connection: Redis, monkeypatch: pytest.MonkeyPatch) -> Recoverer:
    """A recoverer whose second pass may follow at once."""
    monkeypatch.setattr(recovery, "CONFIRMATION_SECONDS", 0.0)
    return Recoverer(connection, "test")


def claim_and_die(connection: Redis) -> str:
    """Claim the next job of `work` with a lease that has run out. Returns its id."""
    dead = Claimant(connection)
    claim = dead.claim(["work"], None)
    assert claim is not None
    connection.zadd(keys.LEASES, {dead.name: 1})
    return claim.job_id


def test_claim_of_a_dead_worker_goes_back_to_the_head(connection: Redis, queue: Queue, impatient: Recoverer) -> None:
    first, second = queue.enqueue("f", retry=Retry(max=3)), queue.enqueue("f")
    assert claim_and_die(connection) == first.id
    assert impatient.run() == 1
    assert connection.lrange(keys.queue("work"), 0, -1) == [first.id.encode(), second.id.encode()]
    assert connection.hget(keys.job(first.id), "retries_left") == b"3"
    assert connection.llen(keys.intermediate("work")) == connection.hlen(keys.claims("work")) == 0
    assert connection.hget(keys.recoveries("work"), first.id) == b"1", "a job may kill its worker while it is read"
    assert events.newest(connection, 1)[0].event == "recovered"


def test_claim_with_a_live_lease_is_not_recovered(
    connection: Redis, queue: Queue, claimant: Claimant, impatient: Recoverer
) -> None:
    queue.enqueue("f")
    claimant.claim(["work"], None)
    assert impatient.run() == 0
    assert connection.hlen(keys.claims("work")) == 1


def test_one_pass_does_not_recover(connection: Redis, queue: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    queue.enqueue("f")
    claim_and_die(connection)
    monkeypatch.setattr(recovery, "CONFIRMATION_SECONDS", 2.0)
    careful = Recoverer(connection, "test")
    assert careful.run() == 0
    assert careful.run() == 0
    time.sleep(2.1)
    careful_after_outage = Recoverer(connection, "test")
    assert careful_after_outage.run() == 0
    careful.reset()
    assert careful.run() == 0, "what was suspected before Redis went away does not count"
    assert eventually(careful.run, what="the recovery") == 1


def test_lease_renewed_during_the_pass_keeps_the_job(connection: Redis, queue: Queue) -> None:
    job = queue.enqueue("f")
    claim_and_die(connection)
    claim = connection.hget(keys.claims("work"), job.id).decode()
    connection.zadd(keys.LEASES, {claim.rpartition("|")[0]: (time.time() + 15) * 1000})
    assert recover(connection, "work", job.id, claim, by="test") == "alive"
    assert recover(connection, "work", job.id, "another|1", by="test") == "changed"


def test_third_death_quarantines(connection: Redis, queue: Queue, impatient: Recoverer) -> None:
    job, other = queue.enqueue("f"), queue.enqueue("f")
    for death in (1, 2, 3):
        assert claim_and_die(connection) == job.id
        connection.hset(keys.job(job.id), "status", "started")
        connection.delete(keys.intermediate("work"))
        assert impatient.run() == 1
        assert bool(connection.hexists(keys.quarantine("work"), job.id)) == (death == 3)
    assert connection.lrange(keys.queue("work"), 0, -1) == [other.id.encode()]
    note = json.loads(connection.hget(keys.quarantine("work"), job.id))
    assert (note["recoveries"], "died 3 times" in note["reason"]) == (3, True)
    assert [e.event for e in events.newest(connection, 10)] == ["recovered", "recovered", "quarantined"]


@pytest.mark.parametrize("status", ["finished", "failed", "scheduled", "canceled"])
def test_ended_job_is_not_run_again(connection: Redis, queue: Queue, impatient: Recoverer, status: str) -> None:
    job = queue.enqueue("f")
    claim_and_die(connection)
    connection.hset(keys.job(job.id), "status", status)
    assert impatient.run() == 0
    assert connection.llen(keys.queue("work")) == connection.hlen(keys.claims("work")) == 0


def test_corrupt_job_of_a_dead_worker_is_quarantined(connection: Redis, impatient: Recoverer) -> None:
    connection.set(keys.job("odd"), "text")
    connection.rpush(keys.queue("work"), "odd")
    connection.sadd(keys.QUEUES, keys.queue("work"))
    claim_and_die(connection)
    assert impatient.run() == 1
    assert connection.hexists(keys.quarantine("work"), "odd")


def test_success_deletes_earlier_deaths(connection: Redis, queue: Queue, inline: QctlWorker) -> None:
    job = queue.enqueue("support.jobs.give")
    connection.hset(keys.recoveries("work"), job.id, 2)
    inline.work(burst=True)
    assert not connection.hexists(keys.recoveries("work"), job.id)


@pytest.mark.kill
@pytest.mark.parametrize("isolation", ["inline", "fork"])
def test_job_of_a_killed_worker_runs_again_within_30_s(
    connection: Redis, queue: Queue, redis_server: RedisServer, tmp_path: Path, isolation: str
) -> None:
    first = qctl_worker(tmp_path, redis_server.url, "work", isolation=isolation, name="first")
    with first, qctl_worker(tmp_path, redis_server.url, "work", isolation=isolation, name="second") as second:
        job = queue.enqueue("support.jobs.note", redis_server.url, "ran", "once", 3.0, retry=Retry(max=3))
        eventually(lambda: connection.llen("ran:started") == 1, what="the first start")
        holder = connection.hget(keys.claims("work"), job.id).decode()
        (first if f".{first.pid}." in holder else second).kill()
        killed = time.monotonic()
        eventually(lambda: connection.llen("ran:started") == 2, what="the second start")
        assert time.monotonic() - killed < 30
        eventually(lambda: connection.lrange("ran", 0, -1) == [b"once"], what="the end of the second run")
        eventually(lambda: connection.hget(keys.job(job.id), "status") == b"finished", what="finished")
    assert connection.hget(keys.job(job.id), "retries_left") == b"3"


@pytest.mark.kill
def test_job_that_kills_its_child_is_quarantined_and_blocks_no_other(
    connection: Redis, queue: Queue, redis_server: RedisServer, tmp_path: Path
) -> None:
    bad = queue.enqueue("support.jobs.die", retry=Retry(max=3))
    good = queue.enqueue("support.jobs.give")
    with qctl_worker(tmp_path, redis_server.url, "work", isolation="fork"):
        eventually(lambda: connection.hget(keys.job(good.id), "status") == b"finished", what="the next job")
    assert "died 3 times" in json.loads(connection.hget(keys.quarantine("work"), bad.id))["reason"]
    assert connection.hget(keys.job(bad.id), "retries_left") == b"3"


@pytest.mark.kill
def test_job_of_a_killed_stock_worker_runs_again(
    connection: Redis, redis_server: RedisServer, tmp_path: Path, queue: Queue
) -> None:
    queue.enqueue("support.jobs.note", redis_server.url, "ran", "once", 3.0)
    with stock_worker(tmp_path, redis_server.tcp_url, "work", "more") as victim:
        eventually(lambda: connection.llen("ran:started") == 1, what="the first start")
        victim.end()
    with qctl_worker(tmp_path, redis_server.url, "work"):
        eventually(lambda: connection.lrange("ran", 0, -1) == [b"once"], what="the second run")


@pytest.mark.parametrize("key", [keys.claims, keys.recoveries], ids=["claims", "recoveries"])
def test_key_of_another_type_loses_no_job_and_stops_no_recovery(
    connection: Redis, queue: Queue, impatient: Recoverer, key: Callable[[str], str]
) -> None:
    lost = Queue("bad", connection=connection).enqueue("f")
    other = queue.enqueue("f")
    dead = Claimant(connection)
    assert dead.claim(["bad"], None)
    assert dead.claim(["work"], None)
    connection.zadd(keys.LEASES, {dead.name: 1})
    connection.delete(key("bad"))
    connection.set(key("bad"), "text")
    for _ in range(2):
        impatient.run()
    assert connection.lrange(keys.queue("work"), 0, -1) == [other.id.encode()]
    assert connection.lrange(keys.intermediate("bad"), 0, -1) == [lost.id.encode()]
