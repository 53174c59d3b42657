"""qctl-worker as a program: what it takes, how it ends, and what it does while Redis is away."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from redis import Redis
from rq import Worker
from rq.queue import Queue
from rq.serializers import JSONSerializer

from qctl.broker.redis import keys
from qctl.broker.scheduler.promoter import DelayedJobPromoter
from qctl.catalog.options import Options
from qctl.service import QueueService
from support.process import Program
from support.servers import RedisServer
from support.supervisor import Supervisor
from support.waiting import eventually


def enqueue(connection: Redis, name: str, function: str, *args: object) -> str:
    """A job with a JSON payload. Returns its id."""
    job_id: str = Queue(name, connection=connection, serializer=JSONSerializer).enqueue(function, *args).id
    return job_id


@pytest.mark.parametrize("isolation", ["inline", "fork"])
def test_it_serves_queues_that_no_catalog_knows(
    connection: Redis, redis_server: RedisServer, make_worker: Callable[..., Program], isolation: str
) -> None:
    job = enqueue(connection, "theirs", "support.jobs.give", 1)
    with make_worker(redis_server.url, "theirs", "more", "--isolation", isolation) as worker:
        eventually(lambda: connection.hget(keys.job(job), "status") == b"finished", what="the job")
        assert {w.name for w in Worker.all(connection=connection)} == {
            name.removeprefix(keys.WORKER_PREFIX) for name in Worker.all_keys(connection=connection)
        }
        assert worker.stop() == 0
    assert connection.scard(keys.WORKERS) == 0


def test_it_finds_the_functions_of_the_folder_it_is_started_in(
    connection: Redis, redis_server: RedisServer, make_worker: Callable[..., Program], tmp_path: Path
) -> None:
    (tmp_path / "theirs.py").write_text("def double(n):\n    return 2 * n\n")
    job = enqueue(connection, "theirs", "theirs.double", 4)
    env = {"QCTL_ALLOWED_JOBS": "theirs.*", "PYTHONPATH": ""}
    with make_worker(redis_server.url, "theirs", "--burst", **env) as worker:
        assert worker.wait() == 0
    assert connection.hget(keys.job(job), "status") == b"finished"


@pytest.mark.parametrize("isolation", ["inline", "fork"])
def test_job_may_use_what_imports_of_rq_bring(
    connection: Redis, redis_server: RedisServer, make_worker: Callable[..., Program], tmp_path: Path, isolation: str
) -> None:
    modules = "concurrent.futures, email.utils, importlib.metadata, urllib.error, urllib.request"
    (tmp_path / "theirs.py").write_text(
        f"import concurrent, email, importlib, urllib\ndef use():\n    return len([{modules}])\n"
    )
    job = enqueue(connection, "theirs", "theirs.use")
    env = {"QCTL_ALLOWED_JOBS": "theirs.*", "PYTHONPATH": ""}
    with make_worker(redis_server.url, "theirs", "--burst", "--isolation", isolation, **env) as worker:
        assert worker.wait() == 0
    assert connection.hget(keys.job(job), "status") == b"finished"


def test_burst_ends_by_itself(
    connection: Redis, redis_server: RedisServer, make_worker: Callable[..., Program]
) -> None:
    job = enqueue(connection, "theirs", "support.jobs.give", 1)
    with make_worker(redis_server.url, "theirs", "--burst") as worker:
        assert worker.wait() == 0
    assert connection.hget(keys.job(job), "status") == b"finished"


@pytest.mark.parametrize("isolation", ["inline", "fork"])
def test_sigterm_finishes_the_running_job_and_a_second_gives_it_back(
    connection: Redis, redis_server: RedisServer, make_worker: Callable[..., Program], isolation: str
) -> None:
    url = redis_server.url
    first = enqueue(connection, "theirs", "support.jobs.note", url, "ran", "first", 1.0)
    second = enqueue(connection, "theirs", "support.jobs.note", url, "ran", "second", 20.0)
    with make_worker(url, "theirs", "--isolation", isolation) as worker:
        eventually(lambda: connection.llen("ran:started") == 1, what="the first start")
        assert worker.stop() == 0
    assert connection.hget(keys.job(first), "status") == b"finished"
    assert connection.hget(keys.job(second), "status") == b"queued"
    with make_worker(url, "theirs", "--isolation", isolation, name="again") as worker:
        eventually(lambda: connection.llen("ran:started") == 2, what="the second start")
        worker.send(signal.SIGTERM)
        eventually(lambda: worker.output.count("draining: signal=") == 1, what="the drain")
        worker.send(signal.SIGTERM)
        assert worker.wait() == 128 + signal.SIGTERM
    assert connection.lrange(keys.queue("theirs"), 0, -1) == [second.encode()]
    assert connection.hlen(keys.claims("theirs")) == connection.zcard(keys.started("theirs")) == 0


def test_a_supervisor_waits_for_a_long_job_and_hears_of_no_short_one(
    connection: Redis, redis_server: RedisServer, make_worker: Callable[..., Program], tmp_path: Path
) -> None:
    for _ in range(50):
        enqueue(connection, "theirs", "support.jobs.give", 1)
    queue = Queue("theirs", connection=connection, serializer=JSONSerializer)
    queue.enqueue("support.jobs.nap", 1.6, job_timeout=300)
    supervisor = Supervisor(str(tmp_path / "notify"))
    watched = {"NOTIFY_SOCKET": supervisor.address, "WATCHDOG_USEC": "60000000"}
    with make_worker(redis_server.url, "theirs", "--isolation", "inline", "--burst", says="", **watched) as worker:
        assert 300 + 60 - 5 < int(supervisor.receive_fact("WATCHDOG_USEC")) / 1e6 < 300 + 60
        assert int(supervisor.receive_fact("WATCHDOG_USEC")) == 60_000_000
        assert worker.wait() == 0
    with pytest.raises(TimeoutError):
        supervisor.receive_fact("WATCHDOG_USEC", within=0.1)
    supervisor.close()


def test_redis_may_be_away_at_the_start_and_midway(own_redis: RedisServer, make_worker: Callable[..., Program]) -> None:
    own_redis.stop()
    with make_worker(own_redis.url, "theirs", says="Redis is away"):
        own_redis.start()
        for _ in range(2):
            client = own_redis.connect()
            job = enqueue(client, "theirs", "support.jobs.give", 1)

            def finished(client: Redis = client, job: str = job) -> bool:
                return client.hget(keys.job(job), "status") == b"finished"

            eventually(finished, what="the job after Redis came")
            own_redis.kill()
            own_redis.start()


def test_a_bad_setting_is_one_line_and_exit_2(make_worker: Callable[..., Program], redis_server: RedisServer) -> None:
    with make_worker(
        redis_server.url, "theirs", QUEUE_DEFAULT_ATTEMPTS="many", says="QUEUE_DEFAULT_ATTEMPTS"
    ) as worker:
        assert worker.wait() == 2
        assert len(worker.output.splitlines()) == 1


def test_the_life_of_a_job_is_told_in_json(
    connection: Redis, redis_server: RedisServer, make_worker: Callable[..., Program]
) -> None:
    how: Options = {"owner": "ada", "trace_id": "trace-1", "attempts": 1, "backoff": 1}
    with QueueService(redis_server.url) as service:
        good = service.notify(receiverId="7", text="hello", **how)
        bad = service.add_inventory_sync(businessId=1, externalSystem="shop", **how)
    env = {"LOG_FORMAT": "json", "QCTL_SOURCES": "shop=http://127.0.0.1:9/s", "QCTL_ALLOWED_HOSTS": "127.0.0.1:9"}
    retries = DelayedJobPromoter(connection)
    with make_worker(redis_server.url, "notification", "inventory", **env) as worker:
        eventually(lambda: retries.tick() == 1, what="the retry", every=0.2)
        eventually(lambda: "is a dead letter" in worker.output)
    lines = [json.loads(line) for line in worker.output.splitlines() if line.startswith("{")]

    def events_of(job_id: str) -> list[str]:
        about = [line for line in lines if line.get("jobId") == job_id and "event" in line]
        assert all(line["traceId"] == "trace-1" and line["userId"] == "ada" for line in about)
        assert all(line.keys() >= {"timestamp", "level", "service", "message"} for line in about)
        return [line["event"] for line in about]

    assert events_of(good) == ["start", "finish"]
    assert events_of(bad) == ["start", "fail", "retry", "start", "fail", "dlq"]
