"""Test the records that the end of a run leaves."""

from __future__ import annotations

from redis import Redis
from rq.queue import Queue

from qctl.broker.redis import keys
from qctl.broker.worker.rq_adapter import QctlWorker


def test_failure_with_ttl_0_leaves_only_an_event(connection: Redis, queue: Queue, worker: QctlWorker) -> None:
    job = queue.enqueue("support.jobs.fail", "at 17", failure_ttl=0)
    worker.work(burst=True)
    records = (keys.job(job.id), keys.results(job.id), keys.failed("work"), keys.causes("work"))
    assert [key for key in records if connection.exists(key)] == []
    assert not list(connection.scan_iter(f"{keys.cause('work', '')}*"))
    ((_, event),) = connection.xrevrange(keys.EVENTS, count=1)
    assert event[b"event"] == b"discarded"
    assert event[b"job"] == job.id.encode()
    assert b"at 17" in event[b"reason"]
