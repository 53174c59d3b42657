"""`ops.ingest` on a real Redis."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from redis import Redis

from qctl.broker.bookkeeping.reject_records import Reject
from qctl.broker.ingest.buffer import Buffer, Commit
from qctl.broker.redis import keys
from qctl.broker.worker import pauses
from qctl.catalog import PIPELINES
from qctl.errors import BackpressureError, NotFoundError, RedisUnreachableError, RefusedError, UsageError
from qctl.models import Arrivals, PipelineStatus
from qctl.ops import Ops
from qctl.settings import Settings
from qctl.sources import message_parser, reading_parser
from support.ingest import items, letters
from support.process import free_port
from support.servers import RedisServer
from support.waiting import PATIENCE_SECONDS, eventually

MESSAGE = {"msg_id": "m-1", "message": "grüße", "user_id": "u1", "timestamp": "2026-01-01T12:00:00+02:00"}


def item(number: int, age: float = 0.0) -> bytes:
    """Create a reading received so many seconds ago, two seconds after its measurement."""
    received = time.time_ns() - int(age * 1e9)
    reading = reading_parser.Reading(
        topic="s/a", device="a", ts_ns=received - 2 * 10**9, fields={"n": number}, received_ns=received
    )
    return reading_parser.encode(reading)


@pytest.fixture
def buffer(connection: Redis, make_settings: Callable[..., Settings]) -> Buffer:
    """The buffer `readings`, with batches of three."""
    return Buffer(connection, PIPELINES["readings"], make_settings(BATCH_SIZE_THRESHOLD="3"))


def readings(ops: Ops) -> PipelineStatus:
    return ops.ingest.status(["readings"])[0]


# --- status -------------------------------------------------------------------------------------------------


def test_a_pipeline_without_items_is_empty(ops: Ops) -> None:
    first, second = ops.ingest.status()
    assert (first.name, second.name) == ("readings", "messages")
    assert (first.rate, first.depth, first.oldest_age, first.flushed_at, first.lag) == (None, 0, None, None, 0.0)
    assert first.paused is None


def test_a_pipeline_from_the_buffer_to_the_batch(ops: Ops, buffer: Buffer, connection: Redis) -> None:
    buffer.append(Commit(items=[item(n, age=100) for n in range(4)]))
    assert buffer.cut_batches(max_age=1000) == 3
    pauses.pause(connection, "sensor-data", actor="breaker", reason="down")
    found = readings(ops)
    assert (found.depth, found.batches, found.flushed, found.received, found.cut) == (1, 1, 3, 4, 3)
    assert found.oldest_age is not None
    assert found.lag >= found.oldest_age >= 100
    assert found.rate is not None
    assert found.rate > 0
    assert found.flushed_at is not None
    assert found.paused is not None
    assert found.paused.reason == "down"


def test_lag_grows_until_a_batch_is_stored(ops: Ops, buffer: Buffer, connection: Redis) -> None:
    buffer.append(Commit(items=[item(1)]))
    buffer.cut_batches()
    connection.hset(keys.job("readings-0"), "created_at", "2020-01-01T00:00:00.000000Z")
    assert readings(ops).lag > 86_400
    connection.hset(keys.claims("sensor-data"), "readings-0", "w|1")
    connection.lpop(keys.queue("sensor-data"))
    assert readings(ops).lag > 86_400
    connection.hdel(keys.claims("sensor-data"), "readings-0")
    assert readings(ops).lag == 0.0


def test_rejects_and_lost_sessions_are_counted(ops: Ops, buffer: Buffer) -> None:
    buffer.append(Commit(rejects=[Reject("reject-1", ("s/a", "bm9wZQ==", 1), "it is not JSON")]))
    buffer.record_session_loss()
    found = readings(ops)
    assert (found.dead, found.rejected, found.sessions_lost) == (1, 1, 1)
    assert found.session_lost_at is not None
    seen = ops.ingest.reject("reject-1")
    assert (seen.pipeline, seen.source, seen.content) == ("readings", "s/a", "nope")


def test_rejects_of_every_shape_are_shown(ops: Ops, connection: Redis, settings: Settings) -> None:
    messages = Buffer(connection, PIPELINES["messages"], settings)
    event = ["data", {**MESSAGE, "user_id": "x" * 51}]
    messages.append(Commit(rejects=[message_parser.reject(event, "u1", 1, "user_id is too long")]))
    (letter,) = letters(connection, "messages")
    seen = ops.ingest.reject(letter.id)
    assert (seen.pipeline, seen.source) == ("messages", "u1")
    assert json.loads(seen.content or "") == event
    connection.hset(keys.job(letter.id), "data", b"\x80pickled")
    assert (ops.ingest.reject(letter.id).source, ops.ingest.reject(letter.id).content) == (None, None)
    with pytest.raises(NotFoundError):
        ops.ingest.reject("nobody")


def test_damage_hides_nothing(ops: Ops, connection: Redis) -> None:
    for key in (keys.buffer("readings"), keys.ingest("readings"), keys.queue("sensor-data"), keys.topics("readings")):
        connection.set(key, "text")
    connection.rpush(keys.buffer("messages"), b"\xff")
    first, second = ops.ingest.status()
    assert (first.depth, first.received) == (0, 0)
    assert (second.depth, second.oldest_age) == (1, 0.0)
    assert ops.ingest.topics().topics == []


@pytest.mark.parametrize("read", [lambda ops: ops.ingest.status(["nosuch"]), lambda ops: ops.ingest.flush(["nosuch"])])
def test_an_unknown_pipeline_is_not_found(ops: Ops, read: Callable[[Ops], object]) -> None:
    with pytest.raises(NotFoundError, match="pipeline 'nosuch' not found"):
        read(ops)


def test_a_pipeline_has_the_name_of_its_queue_too(ops: Ops) -> None:
    assert [each.name for each in ops.ingest.status(["socket-data", "messages"])] == ["messages"]


# --- push and flush -----------------------------------------------------------------------------------------


def test_lines_are_pushed_as_their_sources_do(ops: Ops, connection: Redis) -> None:
    lines = [b'{"n": 1}\n', b"\n", b"{ nonsense\n", b'{"n": null}\n', b'{"n": 2, "ts": 1700000000}\n', b"\xff\n", b"3"]
    result = ops.ingest.push("readings", lines, topic="sensors/attic")
    assert (result.taken, result.refused) == (3, 3)
    assert [bad.line for bad in result.lines] == [3, 4, 6]
    found = items(connection)
    assert [each["fields"] for each in found] == [{"n": 1}, {"n": 2}, {"attic": 3}]
    assert {each["device"] for each in found} == {"attic"}
    assert found[1]["ts_ns"] == 1_700_000_000 * 10**9
    assert len({each["received_ns"] for each in found}) == 3


def test_lines_may_name_their_topics(ops: Ops, connection: Redis) -> None:
    line = json.dumps({"topic": "s/a", "payload": {"n": 1}}).encode()
    result = ops.ingest.push("readings", [line, b'{"n": 1}', b'["topic"]', b'{"topic": 1, "payload": 2}', b"{" * 9000])
    assert (result.taken, result.refused) == (1, 4)
    assert "no --topic was named" in result.lines[0].reason
    assert [each["topic"] for each in items(connection)] == ["s/a"]


def test_messages_are_pushed_whole(ops: Ops, connection: Redis) -> None:
    result = ops.ingest.push("messages", [json.dumps(MESSAGE).encode(), b'{"msg_id": "m"}'])
    assert (result.taken, result.refused) == (1, 1)
    assert items(connection, "messages")[0]["timestamp"] == "2026-01-01T10:00:00.000000+00:00"
    with pytest.raises(UsageError, match="no topic"):
        ops.ingest.push("messages", [], topic="s/a")


def test_a_push_stops_when_there_is_no_room(
    connection: Redis, make_settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("qctl.ops.ingest.LINES_PER_TRANSACTION", 10)
    ops = Ops(make_settings(QCTL_BUFFER_HIGH_WATER="20"))
    steps: list[int] = []
    with pytest.raises(BackpressureError, match="20 items wait"):
        ops.ingest.push("readings", [b"1"] * 100, topic="s/a", progress=lambda done, _total: steps.append(done))
    assert steps == [10, 20]
    assert connection.llen(keys.buffer("readings")) == 20
    ops.close()


def test_a_flush_makes_batches_of_all(ops: Ops, connection: Redis, make_settings: Callable[..., Settings]) -> None:
    ops.ingest.push("readings", [b"1"] * 5, topic="s/a")
    assert [(each.items, each.left) for each in ops.ingest.flush()] == [(5, 0), (0, 0)]
    assert connection.llen(keys.queue("sensor-data")) == 1
    full = Ops(make_settings(QCTL_MAX_WAITING_BATCHES="1"))
    full.ingest.push("readings", [b"1"] * 5, topic="s/a")
    assert [(each.items, each.left) for each in full.ingest.flush(["readings"])] == [(0, 5)]
    full.close()


# --- topics -------------------------------------------------------------------------------------------------


def test_topics_are_sorted_and_matched(ops: Ops, connection: Redis) -> None:
    rows = {"s/a": "5 0 0.1 900", "s/b": "9 2 0.5 ", "": "1 0 0.0 "}
    connection.hset(keys.topics("readings"), mapping=rows)
    now = time.time() * 1000
    connection.zadd(keys.topics_seen("readings"), {"s/a": now, "s/b": now - 5000, "": now - 9000})
    assert [each.topic for each in ops.ingest.topics().topics] == ["s/a", "s/b", None]
    assert [each.topic for each in ops.ingest.topics(sort="received", limit=1).topics] == ["s/b"]
    found = ops.ingest.topics("s/*", sort="lag")
    assert ([each.topic for each in found.topics], found.matching, found.total) == (["s/a", "s/b"], 2, 2)
    with pytest.raises(UsageError):
        ops.ingest.topics(sort="beauty")


# --- tail ---------------------------------------------------------------------------------------------------


@pytest.fixture
def tailing(ops: Ops) -> Iterator[Callable[..., list[Arrivals]]]:
    """Start a tail in a thread; returns its list of arrivals once it has subscribed."""
    done = threading.Event()
    threads: list[threading.Thread] = []

    def start(*pipelines: str) -> list[Arrivals]:
        found: list[Arrivals] = []

        def run() -> None:
            for arrivals in ops.ingest.tail(pipelines, on_disconnect=lambda _error, _seconds: None):
                found.append(arrivals)
                if done.is_set():
                    return

        threads.append(threading.Thread(target=run))
        threads[-1].start()
        eventually(lambda: found, what="the subscription")
        return found

    yield start
    done.set()
    for thread in threads:
        thread.join(PATIENCE_SECONDS)


def test_tail_yields_arriving_items(
    tailing: Callable[..., list[Arrivals]], buffer: Buffer, connection: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("qctl.broker.ingest.buffer.MAX_PUBLISHED_ITEMS", 2)
    buffer.append(Commit(items=[item(0)]))
    found = tailing("readings")
    buffer.level()
    buffer.append(Commit(items=[item(n) for n in (1, 2, 3)]))
    shown = eventually(lambda: [each for each in found if each.items], what="the readings")[0]
    assert (shown.count, [each.content for each in shown.items]) == (3, [{"n": 1}, {"n": 2}])
    first = shown.items[0]
    assert (first.pipeline, first.source) == ("readings", "s/a")
    assert first.at is not None
    assert 1.9 < (first.received_at - first.at).total_seconds() < 2.1
    connection.publish(keys.arrivals("readings"), b'[1, [{"fields": 1}]]')
    connection.publish(keys.arrivals("readings"), b"\xff")
    buffer.append(Commit(items=[item(4)]))
    eventually(lambda: found[-1].items or [each for each in found if each.count == 1], what="the one after nonsense")


def test_tail_shows_messages(tailing: Callable[..., list[Arrivals]], connection: Redis, settings: Settings) -> None:
    found = tailing()
    buffer = Buffer(connection, PIPELINES["messages"], settings)
    buffer.level()
    message = message_parser.encode(message_parser.parse(["data", MESSAGE], None, time.time_ns(), 1000))
    buffer.append(Commit(items=[message]))
    shown = eventually(lambda: [each for each in found if each.items], what="the message")[0].items[0]
    assert (shown.pipeline, shown.source, shown.content) == ("messages", "u1", {"msg_id": "m-1", "message": "grüße"})


def test_nothing_is_published_without_a_listener(buffer: Buffer, connection: Redis) -> None:
    buffer.level()
    before = connection.info("commandstats").get("cmdstat_publish", {"calls": 0})["calls"]
    buffer.append(Commit(items=[item(1)]))
    assert connection.info("commandstats").get("cmdstat_publish", {"calls": 0})["calls"] == before


def test_tail_without_permission_or_pipeline_is_refused(
    own_redis: RedisServer, make_settings: Callable[..., Settings]
) -> None:
    admin = own_redis.connect()
    admin.acl_setuser("reader", enabled=True, nopass=True, categories=["+@read", "+@connection"], keys=["*"])
    socket = own_redis.url.removeprefix("unix://")
    reader = Ops(make_settings(REDIS_URL=f"unix://reader:x@{socket}"))
    with pytest.raises(RefusedError, match="does not let this user"):
        next(reader.ingest.tail(on_disconnect=lambda _error, _seconds: None))
    away = Ops(make_settings(REDIS_URL=f"redis://127.0.0.1:{free_port()}"))
    with pytest.raises(RedisUnreachableError):
        next(away.ingest.tail(on_disconnect=lambda _error, _seconds: None))
    for ops in (reader, away):
        ops.close()
    admin.close()


def test_tail_continues_when_redis_is_back(own_redis: RedisServer, make_settings: Callable[..., Settings]) -> None:
    settings = make_settings(REDIS_URL=own_redis.url)
    ops = Ops(settings)
    waited: list[float] = []

    def restart(_error: object, seconds: float) -> None:
        waited.append(seconds)
        own_redis.start()

    tail = ops.ingest.tail(["readings"], on_disconnect=restart)
    next(tail)
    own_redis.kill()
    next(tail)
    assert waited
    writer = own_redis.connect()
    buffer = Buffer(writer, PIPELINES["readings"], settings)
    buffer.level()
    buffer.append(Commit(items=[item(1)]))
    assert any(arrivals.items for arrivals, _ in zip(tail, range(10), strict=False))
    writer.close()
    ops.close()
