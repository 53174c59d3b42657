"""Workers through `Ops`: real ones, of qctl and of stock RQ."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from pathlib import Path

import pytest
from redis import Redis
from rq.queue import Queue
from rq.serializers import JSONSerializer

from qctl.broker.redis import keys
from qctl.errors import NotFoundError, RefusedError
from qctl.models import StopResult, WorkerInfo
from qctl.ops import Ops
from support import stock
from support.process import Program
from support.servers import RedisServer
from support.waiting import PATIENCE_SECONDS, eventually
from support.workers import stock_worker

TESTS = Path(__file__).parents[1]

Start = Callable[..., WorkerInfo]


@pytest.fixture
def work(connection: Redis) -> Queue:
    """The queue `work`, with JSON payloads."""
    return Queue("work", connection=connection, serializer=JSONSerializer)


@pytest.fixture
def programs() -> Iterator[list[Program]]:
    """Processes that are terminated after the test."""
    started: list[Program] = []
    yield started
    for program in started:
        program.end()


@pytest.fixture
def start(tmp_path: Path, redis_server: RedisServer, ops: Ops, programs: list[Program]) -> Start:
    """Start `qctl-worker work` and return its `WorkerInfo`."""

    def begin(*arguments: str) -> WorkerInfo:
        env = {
            "REDIS_URL": redis_server.url,
            "QCTL_HOME": str(tmp_path),
            "QCTL_ALLOWED_JOBS": "support.jobs.*",
            "PYTHONPATH": str(TESTS),
        }
        command = [str(Path(sys.executable).with_name("qctl-worker")), "work", *arguments]
        program = Program(f"worker{len(programs)}", command, tmp_path, env=env, says="takes jobs from")
        programs.append(program)
        program.start()
        return eventually(lambda: next((one for one in ops.workers.list() if one.pid == program.pid), None))

    return begin


@pytest.mark.parametrize("isolation", ["inline", "fork"])
def test_a_worker_shows_its_running_job(isolation: str, start: Start, ops: Ops, work: Queue) -> None:
    """People need the current job, the uptime and the memory of a worker."""
    name = start("--isolation", isolation).name
    for function in ("support.jobs.give", "support.jobs.give", "support.jobs.fail"):
        work.enqueue(function)
    job = work.enqueue("support.jobs.nap", 30)
    eventually(lambda: ops.workers.show(name).current_job == job.id, what="the job to start")
    worker = ops.workers.show(name)
    now = datetime.now(timezone.utc)
    assert (worker.current_job, worker.job_function, worker.state) == (job.id, "support.jobs.nap", "busy")
    assert worker.started_at is not None
    assert worker.job_since is not None
    assert worker.started_at < worker.job_since < now
    assert (worker.finished, worker.failed) == (2, 1)
    assert worker.memory is not None
    assert 10_000_000 < worker.memory < 500_000_000
    assert worker.honours_pause
    assert worker.quiet is None


def test_a_quiet_worker_finishes_its_job_and_claims_no_other(
    start: Start, ops: Ops, work: Queue, connection: Redis
) -> None:
    name = start("--isolation", "inline").name
    running = work.enqueue("support.jobs.nap", 1)
    eventually(lambda: ops.workers.show(name).current_job == running.id)
    result = ops.workers.quiet(name)
    assert (result.quiet, result.changed, result.worker.current_job) == (True, True, running.id)
    assert result.worker.quiet is not None
    assert "@" in result.worker.quiet.by
    assert not ops.workers.quiet(name).changed
    waiting = work.enqueue("support.jobs.give")
    eventually(lambda: connection.hget(keys.job(running.id), "status") == b"finished")
    eventually(lambda: ops.workers.show(name).current_job is None)
    assert work.job_ids == [waiting.id]
    assert ops.workers.resume(name).worker.quiet is None
    eventually(lambda: connection.hget(keys.job(waiting.id), "status") == b"finished")


def test_a_stock_worker_that_claims_by_script_can_be_quiet(
    tmp_path: Path, redis_server: RedisServer, ops: Ops, work: Queue, connection: Redis, programs: list[Program]
) -> None:
    worker = stock_worker(tmp_path, redis_server.url, "work", "other")
    programs.append(worker)
    worker.start()
    found = eventually(lambda: next((one for one in ops.workers.list() if one.honours_pause), None))
    assert found.claimant != found.name
    assert ops.workers.quiet(found.name).changed
    waiting = work.enqueue("support.jobs.give")
    assert ops.workers.show(found.name).quiet is not None
    assert work.job_ids == [waiting.id]
    ops.workers.resume(found.name)
    eventually(lambda: connection.hget(keys.job(waiting.id), "status") == b"finished")


def test_a_worker_that_cannot_be_quiet_gets_a_hint(ops: Ops, connection: Redis) -> None:
    stock.register_worker(connection, "w1", "work")
    with pytest.raises(RefusedError, match="cannot quiet worker 'w1': it does not claim by qctl's script") as refused:
        ops.workers.quiet("w1")
    assert refused.value.hint == "let it finish its job and end with: qctl worker stop w1"


def test_stop_lets_a_worker_finish_its_job(
    start: Start, ops: Ops, work: Queue, connection: Redis, programs: list[Program]
) -> None:
    name = start("--isolation", "fork").name
    job = work.enqueue("support.jobs.nap", 1)
    waiting = work.enqueue("support.jobs.give")
    eventually(lambda: ops.workers.show(name).current_job == job.id)
    (ended,) = ops.workers.stop([name], timeout=PATIENCE_SECONDS)
    assert isinstance(ended, StopResult)
    assert ended.gone
    assert programs[0].wait() == 0
    assert connection.hget(keys.job(job.id), "status") == b"finished"
    assert work.job_ids == [waiting.id]


@pytest.mark.parametrize("isolation", ["inline", "fork"])
def test_stop_now_returns_the_job_to_its_queue(
    isolation: str, start: Start, ops: Ops, work: Queue, programs: list[Program]
) -> None:
    name = start("--isolation", isolation).name
    job = work.enqueue("support.jobs.nap", 60)
    waiting = work.enqueue("support.jobs.give")
    eventually(lambda: ops.workers.show(name).job_since)
    (ended,) = ops.workers.stop([name], now=True, timeout=PATIENCE_SECONDS)
    assert isinstance(ended, StopResult)
    assert (ended.gone, ended.now) == (True, True)
    programs[0].wait()
    assert work.job_ids == [job.id, waiting.id]


def test_stop_of_stock_unknown_and_unreachable_workers(
    tmp_path: Path, redis_server: RedisServer, ops: Ops, connection: Redis, programs: list[Program]
) -> None:
    worker = stock_worker(tmp_path, redis_server.url, "work")
    programs.append(worker)
    worker.start()
    name = eventually(lambda: next((one.name for one in ops.workers.list()), None))
    eventually(lambda: connection.pubsub_numsub(keys.commands(name))[0][1])
    stock.register_worker(connection, "deaf", "work")
    one, other, third = ops.workers.stop([name, "nosuch", "deaf"], timeout=PATIENCE_SECONDS)
    assert isinstance(one, StopResult)
    assert one.gone
    assert isinstance(other, NotFoundError)
    assert isinstance(third, RefusedError)
    assert "does not listen" in third.message


def test_stop_waits_at_most_its_timeout(start: Start, ops: Ops, work: Queue) -> None:
    name = start("--isolation", "inline").name
    work.enqueue("support.jobs.nap", 60)
    eventually(lambda: ops.workers.show(name).job_since)
    looks: list[tuple[int, int]] = []
    (ended,) = ops.workers.stop([name], timeout=0.2, waiting=lambda gone, every: looks.append((gone, every)))
    assert isinstance(ended, StopResult)
    assert not ended.gone
    assert looks[0] == (0, 1)


def test_workers_are_found_by_name_pattern_and_queue(ops: Ops, connection: Redis) -> None:
    stock.register_worker(connection, "a.1", "email.high", "email")
    stock.register_worker(connection, "a.2", "report")
    stock.register_worker(connection, "b.1", "report")
    assert [one.name for one in ops.workers.list("email")] == ["a.1"]
    assert [one.name for one in ops.workers.list("re*")] == ["a.2", "b.1"]
    assert [one.name for one in ops.workers.select(["a.*", "b.1"])] == ["a.1", "a.2", "b.1"]
    assert ops.workers.select(["x*"]) == []
    with pytest.raises(NotFoundError, match=r"worker 'a.3' not found") as unknown:
        ops.workers.select(["a.3"])
    assert unknown.value.hint == "did you mean 'a.2' or 'a.1'?"
    with pytest.raises(NotFoundError, match="queue 'emial' not found"):
        ops.workers.list("emial")
    with pytest.raises(NotFoundError):
        ops.workers.show("c")


def test_data_of_a_worker_is_not_trusted(ops: Ops, connection: Redis) -> None:
    name = "\x1b[31mw"
    odd = {"qctl_memory": "-1", "successful_job_count": "x" * 90, "total_working_time": "nan", "current_job": "j\n"}
    stock.register_worker(connection, name, "work", pid=os.getpid(), **odd)
    connection.set(keys.job("j\n"), "no hash")
    worker = ops.workers.show(name)
    assert (worker.memory, worker.finished, worker.failed, worker.worked) == (None, 0, 0, 0.0)
    assert (worker.current_job, worker.job_function, worker.job_since) == ("j\n", "", None)
    connection.hset(keys.QUIET, mapping={"h.1.x": '{"at": 1e400}'})
    connection.zadd(keys.LEASES, {f"h.{os.getpid()}.x": 9e15})
    connection.hset(keys.QUIET, f"h.{os.getpid()}.x", '{"at": 1e400, "by": [1]}')
    shown = ops.workers.show(name)
    assert shown.quiet is not None
    assert shown.quiet.at.year == 1970
