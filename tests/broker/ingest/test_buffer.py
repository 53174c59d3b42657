"""Batches: every item is in exactly one of them, in order, for any number of concurrent sources."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
import redis
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from redis import Redis
from rq.job import Job
from rq.serializers import JSONSerializer

from qctl.broker.bookkeeping import dead_letter_index
from qctl.broker.bookkeeping.reject_records import Reject
from qctl.broker.ingest.buffer import Buffer, Commit
from qctl.broker.redis import keys
from qctl.broker.redis.connection import connect
from qctl.catalog import PIPELINES
from qctl.settings import Settings
from support.ingest import reason
from support.proxy import Losing, Proxy
from support.servers import RedisServer
from support.waiting import PATIENCE_SECONDS, UNHURRIED

READINGS = PIPELINES["readings"]


def item(number: int, age: float = 0.0) -> bytes:
    """Make an item that was received `age` seconds ago."""
    return json.dumps({"n": number, "received_ns": time.time_ns() - int(age * 1e9)}).encode()


def batches(connection: Redis) -> list[list[int]]:
    """The numbers in each waiting batch, in waiting order."""
    ids = [raw.decode() for raw in connection.lrange(keys.queue("sensor-data"), 0, -1)]
    jobs = [Job.fetch(id_, connection=connection, serializer=JSONSerializer) for id_ in ids]
    return [[entry["n"] for entry in job.args[0]] for job in jobs]


def test_full_batches_are_cut_at_once_and_partial_ones_by_age(
    connection: Redis, make_settings: Callable[..., Settings]
) -> None:
    buffer = Buffer(connection, READINGS, make_settings(BATCH_SIZE_THRESHOLD="3"))
    assert buffer.append(Commit(items=[item(n) for n in range(8)])) == 8
    assert buffer.cut_batches(max_age=60) == 6
    assert batches(connection) == [[0, 1, 2], [3, 4, 5]]
    assert buffer.cut_batches(max_age=60) == 0
    assert buffer.cut_batches(max_age=0) == 2
    assert batches(connection)[-1] == [6, 7]
    assert [raw.decode() for raw in connection.lrange(keys.queue("sensor-data"), 0, -1)] == [
        "readings-0",
        "readings-3",
        "readings-6",
    ]


def test_batch_job_retries_after_2_4_8_seconds(connection: Redis, settings: Settings) -> None:
    buffer = Buffer(connection, READINGS, settings)
    buffer.append(Commit(items=[item(1)]))
    buffer.cut_batches()
    job = Job.fetch("readings-0", connection=connection, serializer=JSONSerializer)
    assert (job.func_name, job.retries_left, job.retry_intervals) == (
        "qctl.jobs.reading_batches.write_readings",
        3,
        [2, 4, 8],
    )
    assert job.failure_ttl == dead_letter_index.NEVER_EXPIRES_TTL
    assert job.description == "write-readings: 1 item"


def test_cut_stops_at_maximum_of_waiting_batches(connection: Redis, make_settings: Callable[..., Settings]) -> None:
    buffer = Buffer(connection, READINGS, make_settings(BATCH_SIZE_THRESHOLD="1", QCTL_MAX_WAITING_BATCHES="2"))
    buffer.append(Commit(items=[item(n) for n in range(5)]))
    assert buffer.cut_batches() == 2
    assert connection.llen(keys.buffer("readings")) == 3


def test_level_and_backpressure(redis_server: RedisServer, make_settings: Callable[..., Settings]) -> None:
    client = redis_server.connect()
    buffer = Buffer(client, READINGS, make_settings(QCTL_BUFFER_HIGH_WATER="2"))
    level = buffer.level()
    assert (level.depth, level.oldest_age, level.waiting_batches, level.memory) == (0, None, 0, 0.0)
    assert buffer.backpressure_reason(level) is None
    buffer.append(Commit(items=[item(1, age=30), item(2)]))
    level = buffer.level()
    assert level.depth == 2
    assert 29 < (level.oldest_age or 0) < 30 + PATIENCE_SECONDS
    assert "2 items" in (buffer.backpressure_reason(level) or "")
    client.config_set("maxmemory", client.info("memory")["used_memory"])
    try:
        assert "maxmemory" in (buffer.backpressure_reason(buffer.level()) or "")
    finally:
        client.config_set("maxmemory", 0)


LOSSES = {
    "reply": Losing(reply_to=lambda data: b"EXEC" in data),
    "request": Losing(request=lambda data: b"EXEC" in data),
}


@pytest.mark.parametrize("lost", LOSSES)
def test_a_commit_that_is_appended_again_after_an_error_is_applied_once(
    redis_server: RedisServer, make_settings: Callable[..., Settings], lost: str
) -> None:
    with Proxy(redis_server.port) as proxy:
        settings = make_settings(REDIS_URL=proxy.redis_url)
        client = connect(settings)
        buffer, commit = Buffer(client, READINGS, settings), Commit(items=[item(1), item(2)])
        buffer.append(Commit(items=[item(0)]))
        proxy.losing = LOSSES[lost]
        with pytest.raises(redis.ConnectionError):
            buffer.append(commit)
        proxy.heal()
        assert buffer.append(commit) == 3
        assert buffer.append(Commit(items=[item(3)])) == 4
        assert buffer.append(Commit(items=[item(3)])) == 5, "another commit, though with the same item"
        stored = [json.loads(raw)["n"] for raw in client.lrange(keys.buffer("readings"), 0, -1)]
        assert stored == [0, 1, 2, 3, 3]
        assert client.hget(keys.ingest("readings"), "received") == b"5"
        client.close()


def test_two_that_cut_without_the_right_to_multi_lose_nothing(
    own_redis: RedisServer, make_settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = make_settings(BATCH_SIZE_THRESHOLD="5")
    with own_redis.connect() as one, own_redis.connect() as other, own_redis.connect() as admin:
        first, second = Buffer(one, READINGS, settings), Buffer(other, READINGS, settings)
        first.append(Commit(items=[item(n) for n in range(20)]))
        enqueue = second._enqueue

        def cut_meanwhile(*arguments: Any) -> None:
            monkeypatch.setattr(second, "_enqueue", enqueue)
            with pytest.raises(redis.ResponseError):
                first.cut_batches()
            enqueue(*arguments)

        monkeypatch.setattr(second, "_enqueue", cut_meanwhile)
        admin.execute_command("ACL", "SETUSER", "default", "-multi")
        with pytest.raises(redis.ResponseError):
            second.cut_batches()
        admin.execute_command("ACL", "SETUSER", "default", "+multi")
        left = [json.loads(raw)["n"] for raw in admin.lrange(keys.buffer("readings"), 0, -1)]
        assert left == list(range(5, 20)), "cut twice, and removed once"
        first.cut_batches()
        assert {n for batch in batches(admin) for n in batch} == set(range(20))


def test_a_mark_without_its_items_is_not_believed(
    own_redis: RedisServer, make_settings: Callable[..., Settings]
) -> None:
    with own_redis.connect() as client, own_redis.connect() as admin:
        buffer, commit = Buffer(client, READINGS, make_settings()), Commit(items=[item(1)])
        admin.execute_command("ACL", "SETUSER", "default", "-multi", "-rpush")
        with pytest.raises(redis.ResponseError):
            buffer.append(commit)
        assert admin.keys(keys.last_commit("readings", "*")), "the mark was set outside of a transaction"
        admin.execute_command("ACL", "SETUSER", "default", "+multi", "+rpush")
        assert buffer.append(commit) == 1


def test_commit_stores_rejects_and_notes(connection: Redis, settings: Settings) -> None:
    buffer = Buffer(connection, READINGS, settings)
    reject = Reject("reject-1", ("sensors/a", "AAAA", 5), "not JSON")
    for _ in range(2):
        buffer.append(Commit(rejects=[reject], session="s", recent=["3:c", "2:b"], window=3))
    assert connection.lrange(keys.mqtt_recent("s"), 0, -1) == [b"2:b", b"3:c", b"2:b"]
    assert connection.zrange(keys.failed("sensor-data"), 0, -1) == [b"reject-1"]
    job = Job.fetch("reject-1", connection=connection, serializer=JSONSerializer)
    assert (job.func_name, job.args) == ("qctl.jobs.reading_batches.ingest_reading", ["sensors/a", "AAAA", 5])
    assert reason(job) == "not JSON"
    assert connection.hget(keys.ingest("readings"), "rejected") == b"1", "the second is the same dead letter"


@pytest.mark.parametrize("place", ["waiting again", "in the trash"])
def test_repeated_reject_is_not_recorded_beside_its_dead_letter(
    connection: Redis, settings: Settings, place: str
) -> None:
    buffer = Buffer(connection, READINGS, settings)
    reject = Reject("reject-1", ("sensors/a", "AAAA", 5), "not JSON")
    buffer.append(Commit(rejects=[reject]))
    connection.delete(keys.failed("sensor-data"))
    connection.hset(keys.job("reject-1"), "status", "queued" if place == "waiting again" else "canceled")
    buffer.append(Commit(rejects=[reject]))
    assert connection.zcard(keys.failed("sensor-data")) == 0
    assert connection.hget(keys.job("reject-1"), "status") != b"failed"


@hypothesis_settings(max_examples=20, deadline=None, suppress_health_check=UNHURRIED)
@given(st.lists(st.integers(1, 7), max_size=8), st.integers(1, 5), st.lists(st.booleans(), max_size=8))
def test_every_item_is_in_exactly_one_batch_or_in_the_buffer(
    connection: Redis, make_settings: Callable[..., Settings], groups: list[int], size: int, cuts: list[bool]
) -> None:
    connection.flushdb()
    buffer = Buffer(connection, READINGS, make_settings(BATCH_SIZE_THRESHOLD=str(size)))
    number = 0
    for group, cut_all in zip(groups, [*cuts, *[False] * len(groups)], strict=False):
        buffer.append(Commit(items=[item(number + n) for n in range(group)]))
        number += group
        buffer.cut_batches(max_age=None if cut_all else 3600)
    left = [json.loads(raw)["n"] for raw in connection.lrange(keys.buffer("readings"), 0, -1)]
    cut = [n for batch in batches(connection) for n in batch]
    assert cut + left == list(range(number))
    assert int(connection.get(keys.buffer_head("readings")) or 0) == len(cut)
    assert all(len(batch) <= size for batch in batches(connection))


def test_concurrent_append_and_cut(redis_server: RedisServer, make_settings: Callable[..., Settings]) -> None:
    settings = make_settings(BATCH_SIZE_THRESHOLD="7")

    def work(worker: int) -> None:
        buffer = Buffer(redis_server.connect(), READINGS, settings)
        for n in range(40):
            buffer.append(Commit(items=[item(worker * 1000 + n)]))
            buffer.cut_batches(max_age=0 if n % 5 == 0 else 60)

    threads = [threading.Thread(target=work, args=(worker,)) for worker in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    client = redis_server.connect()
    Buffer(client, READINGS, settings).cut_batches()
    cut = [n for batch in batches(client) for n in batch]
    assert sorted(cut) == sorted(worker * 1000 + n for worker in range(4) for n in range(40))
