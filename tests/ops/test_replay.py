"""Replays of finished jobs: copies that are linked to their originals."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis
from rq.job import Job, JobStatus
from rq.queue import Queue
from rq.rate_limit import RateLimit
from rq.registry import FinishedJobRegistry
from rq.serializers import JSONSerializer

from qctl.errors import JobFailedError, UsageError
from qctl.models import BulkResult, Selector
from qctl.ops import Ops
from support import stock
from support.process import Program
from support.servers import RedisServer
from support.waiting import PATIENCE_SECONDS
from support.workers import qctl_worker


def finish(connection: Redis, job_id: str, function: str = "support.jobs.give", **options: object) -> Job:
    """Make a finished job of the queue `work`."""
    queue = Queue("work", connection=connection, serializer=JSONSerializer)
    job = queue.create_job(function, job_id=job_id, **options)  # type: ignore[arg-type]  # options of RQ
    job.ended_at = job.created_at
    job.save()
    job.set_status(JobStatus.FINISHED)
    FinishedJobRegistry("work", connection=connection).add(job, ttl=1000)
    connection.sadd("rq:queues", "rq:queue:work")
    return job


def replay(ops: Ops, selector: Selector, **options: object) -> BulkResult:
    """Replay the selected jobs."""
    return ops.jobs.replay(ops.jobs.choose("replay", selector), **options)  # type: ignore[arg-type]


@pytest.fixture
def worker(tmp_path: Path, redis_server: RedisServer) -> Iterator[Program]:
    """A worker of the queue `work`."""
    program = qctl_worker(tmp_path, redis_server.url, "work")
    program.start()
    yield program
    program.end()


def test_a_copy_is_linked_and_runs_as_its_original(ops: Ops, connection: Redis, worker: Program) -> None:
    finish(connection, "a", args=("value",), meta={"owner": "ada"}, description="give it")
    assert replay(ops, Selector(ids=("a",))).done == 1
    copy_id = ops.jobs.show("a").replayed_to
    assert copy_id
    assert ops.jobs.wait(copy_id, timeout=PATIENCE_SECONDS).status == "finished"
    copy, original = ops.jobs.show(copy_id), ops.jobs.show("a")
    assert (copy.replayed_from, copy.function, copy.owner) == ("a", original.function, "ada")
    assert copy.payload.text == original.payload.text
    assert original.state == copy.state == "finished"


def test_a_replay_that_is_run_again_copies_nothing_twice(ops: Ops, connection: Redis) -> None:
    for n in range(120):
        finish(connection, f"a{n}")
    with pytest.raises(KeyboardInterrupt):
        ops.jobs.replay(ops.jobs.choose("replay", Selector(queue="work")), progress=_interrupt)
    begun = len(stock.waiting(connection, "work"))
    assert 0 < begun < 120
    result = replay(ops, Selector(queue="work"))
    assert (result.done, result.already, result.failed) == (120 - begun, begun, 0)
    assert len(stock.waiting(connection, "work")) == 120
    assert replay(ops, Selector(ids=("a0",)), again=True).done == 1
    assert len(stock.waiting(connection, "work")) == 121


def _interrupt(_done: int, _total: int | None) -> None:
    raise KeyboardInterrupt


def test_others_follow_only_a_canary_that_succeeds(ops: Ops, connection: Redis, worker: Program) -> None:
    for n in range(3):
        finish(connection, f"bad{n}", "support.jobs.fail")
    result = replay(ops, Selector(job="support.jobs.fail"), first=1, timeout=PATIENCE_SECONDS)
    assert result.done == 1
    assert isinstance(result.halted, JobFailedError)
    assert "the other 2 jobs were not replayed" in result.halted.message
    for n in range(3):
        finish(connection, f"good{n}")
    result = replay(ops, Selector(job="support.jobs.give"), first=1, timeout=PATIENCE_SECONDS)
    assert (result.done, result.halted) == (3, None)


def test_only_finished_jobs_are_replayed(ops: Ops, connection: Redis) -> None:
    stock.enqueue(connection, "work", "waiting")
    finish(connection, "limited", rate_limit=RateLimit("api", 1))
    finish(connection, "gone")
    connection.delete("rq:job:gone")
    result = replay(ops, Selector(ids=("waiting", "limited")))
    assert (result.done, result.failed) == (0, 2)
    assert {outcome.detail.partition(",")[0] for outcome in result.outcomes} == {
        "it is queued",
        "it has a rate limit of RQ",
    }
    assert replay(ops, Selector(queue="work")).done == 0
    with pytest.raises(UsageError, match="cannot replay a job in state failed"):
        ops.jobs.choose("replay", Selector(states=("failed",)))
    assert stock.waiting(connection, "work") == ["waiting"]
