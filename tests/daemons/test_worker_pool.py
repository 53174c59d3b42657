"""`qctl-worker --workers`: real processes, real signals, a real Redis."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from redis import Redis
from rq.queue import Queue
from rq.serializers import JSONSerializer

from qctl.broker.bookkeeping import pools
from qctl.broker.query import workers
from qctl.broker.redis import keys
from qctl.errors import NotFoundError
from qctl.models import Pool, PoolSize
from qctl.ops import Ops
from qctl.settings import Settings
from support.process import Program
from support.servers import RedisServer
from support.supervisor import Supervisor
from support.waiting import eventually

HASTY_POOL = Path(__file__).with_name("hasty_pool.py")


@pytest.fixture
def make_pool(make_worker: Callable[..., Program], redis_server: RedisServer) -> Callable[..., Program]:
    """Makes a pool of workers of `theirs`, allowed to run `support.jobs.*`."""

    def make(size: str, *arguments: str, **env: str) -> Program:
        return make_worker(redis_server.url, "theirs", "--workers", size, *arguments, **{"says": "pool bounds", **env})

    return make


def enqueue(connection: Redis, function: str, *args: object) -> str:
    """A job with a JSON payload. Returns its id."""
    queue = Queue("theirs", connection=connection, serializer=JSONSerializer)
    job_id: str = queue.enqueue(f"support.jobs.{function}", *args).id
    return job_id


def members(pool: Program) -> set[int]:
    """The processes of a pool, without children of their own."""
    found = set()
    for child in psutil.Process(pool.pid).children():
        with suppress(psutil.NoSuchProcess):  # it has ended since
            if child.status() != psutil.STATUS_ZOMBIE:
                found.add(child.pid)
    return found


def reported(connection: Redis) -> Pool | None:
    """The only pool that reported lately."""
    return next(iter(pools.read(connection)), None)


def settled(connection: Redis, running: int) -> Callable[[], bool]:
    """Tells whether the pool has reported that so many processes run, and that it wants no other number."""

    def check() -> bool:
        pool = reported(connection)
        return pool is not None and pool.is_stable and pool.running == running

    return check


@pytest.mark.parametrize("isolation", ["inline", "fork"])
def test_each_process_is_a_worker_that_runs_jobs(
    connection: Redis, make_pool: Callable[..., Program], redis_server: RedisServer, isolation: str
) -> None:
    url = redis_server.url
    with make_pool("2", "--isolation", isolation) as pool:
        eventually(settled(connection, 2), what="two workers")
        for name in ("a", "b"):
            enqueue(connection, "note", url, "ran", name, 1.0)
        eventually(lambda: connection.llen("ran") == 2, what="both jobs")
        assert {worker.pid for worker in workers.living(connection)} == members(pool)
        assert pool.stop() == 0
    assert connection.scard(keys.WORKERS) == 0
    assert reported(connection) is None


def test_a_killed_process_is_replaced_and_its_job_runs(
    connection: Redis, make_pool: Callable[..., Program], redis_server: RedisServer
) -> None:
    with make_pool("2", "--isolation", "inline") as pool:
        eventually(settled(connection, 2), what="two workers")
        before = members(pool)
        job = enqueue(connection, "note", redis_server.url, "ran", "once", 5.0)
        eventually(lambda: connection.llen("ran:started") == 1, what="the start")
        worker = connection.hget(keys.job(job), "worker_name").decode()
        os.kill(int(worker.split(".")[-2]), signal.SIGKILL)
        eventually(lambda: len(members(pool)) == 2 and members(pool) != before, what="a new process")
        eventually(lambda: connection.hget(keys.job(job), "status") == b"finished", what="the job")
        assert "process ended: pid=" in pool.output
        assert "signal=SIGKILL" in pool.output
        assert pool.stop() == 0


def test_sigterm_lets_each_job_finish_and_a_second_one_gives_them_back(
    connection: Redis, make_pool: Callable[..., Program], redis_server: RedisServer
) -> None:
    url = redis_server.url
    jobs = [enqueue(connection, "note", url, "ran", name, 1.0) for name in "ab"]
    with make_pool("2", "--isolation", "inline") as pool:
        eventually(lambda: connection.llen("ran:started") == 2, what="both starts")
        assert pool.stop() == 0
    assert [connection.hget(keys.job(job), "status") for job in jobs] == [b"finished", b"finished"]
    jobs = [enqueue(connection, "note", url, "again", name, 30.0) for name in "ab"]
    with make_pool("2", "--isolation", "inline") as pool:
        eventually(lambda: connection.llen("again:started") == 2, what="both starts")
        pool.send(signal.SIGTERM)
        eventually(lambda: pool.output.count("draining: signal=SIGTERM") == 6, what="all drain")
        pool.send(signal.SIGTERM)
        assert pool.wait() == 128 + signal.SIGTERM
    assert [connection.hget(keys.job(job), "status") for job in jobs] == [b"queued", b"queued"]


def test_ctrl_c_of_a_terminal_reaches_every_process_and_still_drains(
    connection: Redis, make_pool: Callable[..., Program], redis_server: RedisServer
) -> None:
    job = enqueue(connection, "note", redis_server.url, "ran", "once", 2.0)
    with make_pool("2", "--isolation", "inline") as pool:
        eventually(lambda: connection.llen("ran:started") == 1, what="the start")
        os.killpg(pool.pid, signal.SIGINT)
        assert pool.wait() == 0
    assert connection.hget(keys.job(job), "status") == b"finished"


def test_processes_of_a_killed_parent_finish_their_job_and_end(
    connection: Redis, make_pool: Callable[..., Program], redis_server: RedisServer
) -> None:
    job = enqueue(connection, "note", redis_server.url, "ran", "once", 2.0)
    with make_pool("3", "--isolation", "inline") as pool:
        eventually(lambda: len(members(pool)) == 3 and connection.llen("ran:started") == 1, what="the start")
        family = psutil.Process(pool.pid).children(recursive=True)
        pool.kill()
        gone, alive = psutil.wait_procs(family, timeout=60)
        assert len(gone) == 3
        assert not alive
    assert connection.hget(keys.job(job), "status") == b"finished"


def test_a_process_that_outlives_its_killed_parent_too_long_is_killed(
    connection: Redis, make_worker: Callable[..., Program], redis_server: RedisServer, tmp_path: Path
) -> None:
    enqueue(connection, "hold", str(tmp_path / "ran"), str(tmp_path / "never"))
    pool = make_worker(redis_server.url, says="pool bounds")
    pool.command = [sys.executable, str(HASTY_POOL), "theirs", "--workers", "1", "--isolation", "inline"]
    with pool:
        eventually((tmp_path / "ran").exists, what="the start")
        family = psutil.Process(pool.pid).children(recursive=True)
        pool.kill()
        _, alive = psutil.wait_procs(family, timeout=60)
        for process in alive:
            process.kill()
        assert not alive


def test_a_process_that_hangs_is_aborted_and_replaced(
    connection: Redis, make_worker: Callable[..., Program], redis_server: RedisServer
) -> None:
    pool = make_worker(redis_server.url, says="pool bounds")
    pool.command = [sys.executable, str(HASTY_POOL), "theirs", "--workers", "1"]
    with pool:
        eventually(settled(connection, 1), what="a worker")
        (hanging,) = members(pool)
        os.kill(hanging, signal.SIGSTOP)
        eventually(lambda: members(pool) and members(pool) != {hanging}, what="a new process")
        assert f"process hangs: pid={hanging}" in pool.output
        assert pool.stop() == 0


def test_the_supervisor_of_a_pool_hears_that_it_is_ready(make_pool: Callable[..., Program], tmp_path: Path) -> None:
    supervisor = Supervisor(str(tmp_path / "notify"))
    with make_pool("2", NOTIFY_SOCKET=supervisor.address) as pool:
        while "READY=1" not in supervisor.receive():
            pass
        eventually(lambda: supervisor.receive_fact("STATUS") == "2 of 2 processes ready", what="the status")
        assert pool.stop() == 0
    supervisor.close()


def test_burst_ends_when_every_process_has_nothing_left_to_do(
    connection: Redis, make_pool: Callable[..., Program]
) -> None:
    jobs = [enqueue(connection, "give", 1) for _ in range(10)]
    with make_pool("2", "--burst") as pool:
        assert pool.wait() == 0
    assert {connection.hget(keys.job(job), "status") for job in jobs} == {b"finished"}


def test_settings_that_a_process_refuses_end_the_pool(make_pool: Callable[..., Program]) -> None:
    with make_pool("2", says="", QCTL_JOBS_MODULES="no_such_module") as pool:
        assert pool.wait() == 2
    with make_pool("70", says="") as pool:
        assert pool.wait() == 2
        assert "more than 64 processes" in pool.output


def test_an_operator_changes_the_size_also_of_the_next_pool(
    connection: Redis, make_pool: Callable[..., Program], settings: Settings
) -> None:
    ops = Ops(settings)
    with pytest.raises(NotFoundError, match="no pool serves 'theirs'"):
        ops.pools.scale("theirs", PoolSize(3, 3))
    with make_pool("1") as pool:
        eventually(settled(connection, 1), what="one worker")
        (row,) = ops.pools.scale("theirs", PoolSize(3, 3))
        assert (row.running, row.size, row.bounds, row.configured) == (3, 3, PoolSize(3, 3), PoolSize(1, 1))
        assert row.requested_by
        assert pool.stop() == 0
    with make_pool("1") as pool:
        eventually(settled(connection, 3), what="three workers")
        (row,) = ops.pools.scale("theirs", None)
        assert (row.running, row.requested) == (1, None)
        (row,) = ops.pools.scale("theirs", PoolSize(0, 0))
        assert (row.running, row.is_stable) == (0, True)
        eventually(lambda: not members(pool), what="no process")
        assert pool.stop() == 0
    ops.close()


def test_a_pool_with_bounds_grows_with_its_backlog_and_shrinks_after_it(
    connection: Redis, make_worker: Callable[..., Program], redis_server: RedisServer
) -> None:
    pool = make_worker(redis_server.url, says="pool bounds", QCTL_SCALE_LATENCY="1")
    pool.command = [sys.executable, str(HASTY_POOL), "theirs", "--workers", "1..3", "--isolation", "inline"]
    with pool:
        eventually(settled(connection, 1), what="one worker")
        for number in range(24):
            enqueue(connection, "note", redis_server.url, "ran", str(number), 0.5)
        eventually(lambda: len(members(pool)) == 3, what="three workers")
        eventually(lambda: connection.llen("ran") == 24, what="all jobs")
        eventually(settled(connection, 1), what="one worker again")
        assert "pool grows: pool=theirs from=1 to=2 because=oldest job waits" in pool.output
        assert "pool shrinks: pool=theirs" in pool.output
        assert pool.stop() == 0
    assert connection.llen("ran:started") == 24


def test_a_pool_lives_while_redis_is_away(
    connection: Redis, make_pool: Callable[..., Program], redis_server: RedisServer
) -> None:
    with make_pool("2") as pool:
        eventually(settled(connection, 2), what="two workers")
        before = members(pool)
        redis_server.kill()
        redis_server.start()
        job = enqueue(connection, "give", 1)
        eventually(lambda: connection.hget(keys.job(job), "status") == b"finished", what="the job")
        eventually(settled(connection, 2), what="a report")
        assert members(pool) == before
        assert pool.stop() == 0
