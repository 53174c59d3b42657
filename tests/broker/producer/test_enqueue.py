"""Creation of jobs: once for each id, and in RQ's data model."""

from __future__ import annotations

import json
import time
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from redis import Redis
from redis.exceptions import ConnectionError, ResponseError
from rq import SimpleWorker
from rq.job import Job
from rq.queue import Queue
from rq.registry import ScheduledJobRegistry
from rq.serializers import JSONSerializer

from qctl.broker.admin import trash
from qctl.broker.bookkeeping import events
from qctl.broker.producer import enqueue
from qctl.broker.producer.enqueue import NewJob
from qctl.broker.redis import keys
from qctl.broker.redis.connection import connect
from qctl.broker.worker.rq_adapter import QctlWorker
from qctl.errors import UsageError
from qctl.settings import Settings
from support.process import free_port
from support.proxy import Proxy
from support.servers import RedisServer
from support.waiting import PATIENCE_SECONDS


def new(id_: str = "a", queue: str = "work", **fields: Any) -> NewJob:
    defaults = {"name": "give", "handler": "support.jobs.give", "arguments": {"value": id_}, "timeout": 60}
    return NewJob(id=id_, queue=queue, **{**defaults, **fields})


def create(connection: Redis, *jobs: NewJob, **options: Any) -> list[bool]:
    return enqueue.create(connection, jobs, actor="me", **{"retry_seconds": 2.0, **options})


def test_worker_runs_created_job_with_its_arguments(connection: Redis, inline: QctlWorker) -> None:
    assert create(connection, new("a")) == [True]
    assert create(connection, new("b", trace="t-1", owner="ada", retry_delays=(2, 4, 8))) == [True]
    assert connection.lrange(keys.queue("work"), 0, -1) == [b"a", b"b"]
    inline.work(burst=True)
    job = Job.fetch("b", connection=connection, serializer=JSONSerializer)
    assert job.latest_result().return_value == "b"
    assert job.meta == {"job": "give", "trace_id": "t-1", "owner": "ada"}
    assert (job.retries_left, job.retry_intervals, job.failure_ttl, job.timeout) == (3, [2, 4, 8], -1, 60)
    history = [event for event in events.newest(connection, 9) if event.fields["job"] == "b"]
    assert [event.event for event in history] == ["created", "started", "finished"]
    assert history[0].fields == {
        "job": "b",
        "queue": "work",
        "name": "give",
        "trace": "t-1",
        "owner": "ada",
        "actor": "me",
    }
    assert {event.fields["trace"] for event in history} == {"t-1"}


def test_stock_rq_lists_and_runs_created_job(connection: Redis) -> None:
    create(connection, new())
    queue = Queue("work", connection=connection, serializer=JSONSerializer)
    assert queue in Queue.all(connection)
    assert [job.description for job in queue.get_jobs()] == ["give"]
    SimpleWorker([queue], connection=connection, serializer=JSONSerializer).work(burst=True)
    assert queue.finished_job_registry.get_job_ids() == ["a"]


def test_existing_job_is_not_created_again(connection: Redis, inline: QctlWorker) -> None:
    assert create(connection, new("a"), new("a", arguments={"value": 2})) == [True, False]
    assert create(connection, new("a", arguments={"value": 3}), new("b")) == [False, True]
    assert connection.lrange(keys.queue("work"), 0, -1) == [b"a", b"b"]
    inline.work(burst=True)
    assert create(connection, new("a")) == [False], "a finished job exists until its TTL"
    assert Job.fetch("a", connection=connection, serializer=JSONSerializer).latest_result().return_value == "a"


def test_canceled_job_is_replaced(connection: Redis) -> None:
    create(connection, new("a"))
    batch = trash.clear(connection, "work", actor="me", ttl=60, progress=lambda *_: None).batch
    assert create(connection, new("a", arguments={"value": "new"})) == [True]
    assert trash.restore(connection, batch, actor="me", progress=lambda *_: None).restored == 0
    assert connection.lrange(keys.queue("work"), 0, -1) == [b"a"]


def test_lost_reply_creates_job_once(own_redis: RedisServer) -> None:
    with Proxy(own_redis.port) as proxy, connect(Settings.load({"REDIS_URL": proxy.redis_url})) as through:
        through.ping()
        for n in range(20):
            proxy.lose_replies(1)
            assert create(through, new(f"job-{n}"))[0] in (True, False)
        assert proxy.lost == 20
    with own_redis.connect() as direct:
        assert direct.lrange(keys.queue("work"), 0, -1) == [f"job-{n}".encode() for n in range(20)]
        assert direct.xlen(keys.EVENTS) == 20


def test_create_gives_up_after_retry_seconds() -> None:
    nobody = connect(Settings.load({"REDIS_URL": f"redis://127.0.0.1:{free_port()}"}))
    with pytest.raises(ConnectionError):
        create(nobody, new(), retry_seconds=0.5)


def test_create_succeeds_when_redis_comes_back(own_redis: RedisServer) -> None:
    client = connect(Settings.load({"REDIS_URL": own_redis.url}))
    create(client, new("before"))
    own_redis.kill()
    own_redis.start()
    assert create(client, new("after"), retry_seconds=PATIENCE_SECONDS) == [True]
    assert client.lrange(keys.queue("work"), 0, -1) == [b"before", b"after"]


def test_delayed_job_is_in_rqs_scheduled_registry(connection: Redis) -> None:
    began = time.time()
    create(connection, new("soon"), delay=90)
    tomorrow = datetime.now(timezone.utc) + timedelta(days=1)
    create(connection, new("then"), at=tomorrow)
    assert connection.llen(keys.queue("work")) == 0
    registry = ScheduledJobRegistry("work", connection=connection, serializer=JSONSerializer)
    assert registry.get_job_ids() == ["soon", "then"]
    due = registry.get_scheduled_time("soon").timestamp()
    assert 89 < due - began < 90 + PATIENCE_SECONDS
    assert 0 <= registry.get_scheduled_time("then").timestamp() - tomorrow.timestamp() < 1
    assert connection.hget(keys.job("soon"), "status") == b"scheduled"
    assert b"rq:queue:work" in connection.smembers(keys.QUEUES)


def test_many_jobs_keep_their_order(connection: Redis) -> None:
    jobs = [new(f"job-{n}") for n in range(250)]
    assert create(connection, *jobs) == [True] * 250
    assert connection.lrange(keys.queue("work"), 0, -1) == [job.id.encode() for job in jobs]


@pytest.mark.parametrize(
    ("value", "problem"),
    [({1, 2}, "set"), (float("nan"), "JSON compliant"), ("x" * enqueue.MAX_ARGUMENT_BYTES, "bytes"), (b"x", "bytes")],
    ids=["set", "nan", "large", "bytes"],
)
def test_arguments_that_are_not_json_create_nothing(connection: Redis, value: object, problem: str) -> None:
    with pytest.raises(UsageError, match=problem):
        create(connection, new("good"), new("bad", arguments={"value": value}))
    assert connection.dbsize() == 0


def test_key_of_wrong_type_creates_nothing(connection: Redis) -> None:
    connection.set(keys.job("odd"), "text")
    with pytest.raises(ResponseError, match="WRONGTYPE"):
        create(connection, new("good"), new("odd"))
    assert connection.keys("*") == [keys.job("odd").encode()]


def test_payload_has_rqs_format(connection: Redis) -> None:
    create(connection, new("a", arguments={"value": "\ud800é\x00", "other": [1, {"x": None}]}))
    data = Job.fetch("a", connection=connection, serializer=JSONSerializer).data
    assert json.loads(data) == [
        "support.jobs.give",
        None,
        [],
        {"value": "\ud800é\x00", "other": [1, {"x": None}]},
    ]


@pytest.mark.parametrize("kinds", [[{}, {}, {}], [{}, {"timeout": 5, "title": "b"}, {"retry_delays": (2,)}]])
def test_jobs_of_one_call_have_their_own_hashes(connection: Redis, kinds: list[dict[str, Any]]) -> None:
    jobs = [new(f"j{n}", **kind) for n, kind in enumerate(kinds)]
    assert create(connection, *jobs) == [True] * 3
    for job in jobs:
        found = connection.hgetall(keys.job(job.id))
        connection.hset("expected", mapping=job.hash_fields())
        expected = connection.hgetall("expected")
        connection.delete("expected")
        assert found[b"created_at"] == found.pop(b"enqueued_at") > b"2026"
        del found[b"created_at"], expected[b"created_at"], expected[b"enqueued_at"]
        assert found == expected
