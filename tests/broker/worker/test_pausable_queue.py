"""Test PausableQueue with stock workers: no job is lost between claim and start, whatever the number of queues."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from redis import Redis
from rq import SimpleWorker
from rq.job import JobStatus
from rq.queue import Queue

from qctl.broker.redis import keys
from qctl.broker.worker import pauses
from qctl.broker.worker.pausable_queue import PausableQueue
from support.servers import RedisServer


@pytest.fixture
def stock(connection: Redis) -> Iterator[SimpleWorker]:
    """A stock worker of two queues, with pickle payloads."""
    yield SimpleWorker(["first", "work"], connection=connection, queue_class=PausableQueue)
    claimant, PausableQueue._claimant = PausableQueue._claimant, None
    if claimant is not None:
        claimant.lease.stop()


def test_stock_worker_of_many_queues_leaves_no_claim(connection: Redis, stock: SimpleWorker) -> None:
    jobs = [Queue("work", connection=connection).enqueue("support.jobs.give", n) for n in range(3)]
    stock.work(burst=True)
    assert [job.get_status() for job in jobs] == [JobStatus.FINISHED] * 3
    assert connection.llen(keys.intermediate("work")) == connection.hlen(keys.claims("work")) == 0


def test_stock_worker_skips_a_paused_queue(connection: Redis, stock: SimpleWorker) -> None:
    held = Queue("first", connection=connection).enqueue("support.jobs.give")
    free = Queue("work", connection=connection).enqueue("support.jobs.give")
    pauses.pause(connection, "first", actor="me")
    stock.work(burst=True)
    assert (held.get_status(), free.get_status()) == (JobStatus.QUEUED, JobStatus.FINISHED)


def test_corrupt_job_does_not_stop_a_stock_worker(connection: Redis, stock: SimpleWorker) -> None:
    queue = Queue("work", connection=connection)
    bad, good = queue.enqueue("support.jobs.give"), queue.enqueue("support.jobs.give")
    connection.hset(keys.job(bad.id), "retry_intervals", "{")
    connection.rpush(keys.queue("first"), "gone")
    stock.work(burst=True)
    assert good.get_status() == JobStatus.FINISHED
    assert connection.hexists(keys.quarantine("work"), bad.id)
    assert connection.llen(keys.intermediate("first")) == 0


def test_failure_is_written_by_rq(connection: Redis, stock: SimpleWorker) -> None:
    job = Queue("work", connection=connection).enqueue("support.jobs.fail")
    stock.work(burst=True)
    assert job.get_status() == JobStatus.FAILED
    assert connection.zcard(keys.failed("work")) == 1


def test_claim_of_another_process_is_not_removed(connection: Redis, stock: SimpleWorker) -> None:
    job = Queue("work", connection=connection).enqueue("support.jobs.give")
    queues = [PausableQueue("work", connection=connection)]
    assert PausableQueue.dequeue_any(queues, None, connection=connection)
    connection.hset(keys.claims("work"), job.id, "somebody.else|1")
    assert PausableQueue.dequeue_any(queues, None, connection=connection) is None
    assert connection.hget(keys.claims("work"), job.id) == b"somebody.else|1"
    assert connection.lrange(keys.intermediate("work"), 0, -1) == [job.id.encode()]


def test_timeout_of_0_is_refused_as_by_rq(connection: Redis) -> None:
    queues = [PausableQueue("work", connection=connection)]
    with pytest.raises(ValueError, match="timeout of 0"):
        PausableQueue.dequeue_any(queues, 0, connection=connection)


def test_id_that_is_not_text_does_not_stop_a_stock_worker(
    redis_server: RedisServer, stock: SimpleWorker, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(
        "CRITICAL", logger="qctl.broker.worker.pausable_queue"
    )  # xdist cannot carry a log that is not text
    with redis_server.connect() as client:
        client.hset(b"rq:job:\xff", "status", "queued")
        client.rpush(keys.queue("work"), b"\xff")
        good = Queue("work", connection=client).enqueue("support.jobs.give")
        taken = PausableQueue.dequeue_any([PausableQueue("work", connection=client)], None, connection=client)
        assert taken is not None
        assert taken[0].id == good.id
        assert client.hexists(keys.quarantine("work"), b"\xff")
