"""Replays of stored items: into the buffer with their own times and ids, so that no sink stores one twice."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from redis import Redis

from qctl.broker.redis import keys
from qctl.databases.mysql import MysqlServer
from qctl.errors import BackpressureError, NotFoundError, UsageError
from qctl.ops import Ops, ingest_replay
from qctl.settings import Settings
from qctl.sinks.base import Sink
from qctl.sinks.mongodb import MongoSink
from qctl.sinks.mysql import MysqlSink
from qctl.sinks.sqlite import MESSAGES, READINGS, SqliteSink
from qctl.store import stored_items
from qctl.store.stored_items import StoredQuery
from support.databases import MariaDb, MongoDb

Make = Callable[..., Settings]
NOON = datetime(2026, 11, 22, 12, tzinfo=timezone.utc)


def reading(number: int, **other: Any) -> dict[str, Any]:
    at = round((NOON + timedelta(minutes=number)).timestamp()) * 10**9
    item = {"topic": "sensors/a", "device": "a", "ts_ns": at, "fields": {"t": 20 + number}, "received_ns": at + 5}
    return {**item, **other}


def message(number: int) -> dict[str, Any]:
    at = NOON + timedelta(minutes=number)
    return {"msg_id": f"m{number:04}", "message": f"hello {number}", "user_id": "ada", "timestamp": at.isoformat()}


def store(sink: Sink, items: list[dict[str, Any]]) -> list[str]:
    """Write items to a sink. Returns the reasons of rejected ones."""
    sink.open()
    try:
        return [rejection.reason for rejection in sink.write(items)]
    finally:
        sink.close()


def buffered(connection: Redis, pipeline: str) -> list[dict[str, Any]]:
    """The items in the buffer of a pipeline."""
    return [json.loads(item) for item in connection.lrange(keys.buffer(pipeline), 0, -1)]


def test_readings_are_replayed_as_they_were_and_stored_once(
    ops: Ops, settings: Settings, connection: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stored_items, "ITEMS_PER_PAGE", 7)
    items = [reading(n) for n in range(20)] + [reading(3, tags={"site": "hall"}), reading(0, topic="b", device="b")]
    sink = SqliteSink(settings.database, READINGS)
    assert store(sink, items) == []
    result = ops.ingest.replay("readings", "sqlite", StoredQuery())
    assert result.items == 22
    assert buffered(connection, "readings") == items
    assert store(sink, buffered(connection, "readings")) == []
    with closing(sqlite3.connect(settings.database)) as db:
        assert db.execute("SELECT count(*) FROM readings").fetchone() == (22,)


def test_a_window_a_topic_and_a_device_choose_readings(ops: Ops, settings: Settings, connection: Redis) -> None:
    items = [reading(n) for n in range(10)] + [reading(4, topic="b", device="x")]
    store(SqliteSink(settings.database, READINGS), items)
    since, until = (NOON + timedelta(minutes=2)).timestamp(), (NOON + timedelta(minutes=5)).timestamp()
    query = StoredQuery(since, until)
    assert ops.ingest.replay("readings", "sqlite", query, dry_run=True).items == 4
    assert buffered(connection, "readings") == []
    assert ops.ingest.replay("readings", "sqlite", StoredQuery(since, until, topic="b")).items == 1
    assert ops.ingest.replay("readings", "sqlite", StoredQuery(device="nobody")).items == 0
    assert [item["topic"] for item in buffered(connection, "readings")] == ["b"]


def test_a_replay_that_is_run_again_stores_nothing_twice(ops: Ops, settings: Settings, connection: Redis) -> None:
    sink = SqliteSink(settings.database, READINGS)
    store(sink, [reading(n) for n in range(1200)])

    def interrupt(count: int, _total: int | None) -> None:
        if count >= 500:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ops.ingest.replay("readings", "sqlite", StoredQuery(), progress=interrupt)
    assert 500 <= len(buffered(connection, "readings")) < 1200
    assert ops.ingest.replay("readings", "sqlite", StoredQuery()).items == 1200
    assert store(sink, buffered(connection, "readings")) == []
    with closing(sqlite3.connect(settings.database)) as db:
        assert db.execute("SELECT count(*) FROM readings").fetchone() == (1200,)


def test_a_rate_limits_a_replay(ops: Ops, settings: Settings) -> None:
    store(SqliteSink(settings.database, READINGS), [reading(n) for n in range(60)])
    began = time.monotonic()
    ops.ingest.replay("readings", "sqlite", StoredQuery(), rate=100)
    assert time.monotonic() - began > 0.4


def test_a_full_buffer_is_waited_for_and_ends_the_replay(
    make_settings: Make, connection: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingest_replay, "PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(ingest_replay, "MAX_PAUSE_SECONDS", 0.05)
    settings = make_settings()
    store(SqliteSink(settings.database, READINGS), [reading(1)])
    monkeypatch.setattr("qctl.broker.ingest.buffer.Buffer.backpressure_reason", lambda _self, _level: "it is full")
    with closing(Ops(settings)) as ops, pytest.raises(BackpressureError, match="it is full"):
        ops.ingest.replay("readings", "sqlite", StoredQuery())
    assert buffered(connection, "readings") == []


def test_what_is_not_stored_or_not_read_is_said(ops: Ops) -> None:
    assert ops.ingest.replay("readings", "sqlite", StoredQuery()).items == 0
    assert ops.ingest.replay("messages", "sqlite", StoredQuery()).items == 0
    with pytest.raises(UsageError, match="readings cannot be read from 'mysql'"):
        ops.ingest.replay("readings", "mysql", StoredQuery())
    with pytest.raises(UsageError, match="DB_HOST is not set"):
        ops.ingest.replay("messages", "mysql", StoredQuery())
    with pytest.raises(UsageError, match="MONGODB_URI is not set"):
        ops.ingest.replay("messages", "mongodb", StoredQuery())
    with pytest.raises(UsageError, match="no topic"):
        ops.ingest.replay("messages", "sqlite", StoredQuery(topic="a"))
    with pytest.raises(NotFoundError):
        ops.ingest.replay("reading", "sqlite", StoredQuery())


def test_messages_of_mysql_go_to_another_sink_and_back_once(
    make_settings: Make, connection: Redis, mariadb: MariaDb, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stored_items, "ITEMS_PER_PAGE", 4)
    settings = make_settings(**mariadb.environ)
    sink = MysqlSink(MysqlServer.from_settings(settings))
    assert store(sink, [message(n) for n in range(10)]) == []
    query = StoredQuery((NOON + timedelta(minutes=5)).timestamp())
    with closing(Ops(settings)) as ops:
        assert ops.ingest.replay("messages", "mysql", query).items == 5
        items = buffered(connection, "messages")
        assert [item["msg_id"] for item in items] == [f"m{n:04}" for n in range(5, 10)]
        assert store(sink, items) == []
        other = SqliteSink(settings.database, MESSAGES)
        assert store(other, items) == []
        connection.delete(keys.buffer("messages"))
        assert ops.ingest.replay("messages", "sqlite", StoredQuery()).items == 5
    assert store(sink, buffered(connection, "messages")) == []
    assert mariadb.run("SELECT count(*) FROM messages")[0][0] == 10


def test_messages_of_mongodb_are_replayed_once(
    make_settings: Make, connection: Redis, mongodb: MongoDb, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stored_items, "ITEMS_PER_PAGE", 4)
    with closing(mongodb.connect()) as client:
        client.data.drop_collection("messages")
    sink = MongoSink(mongodb.url)
    assert store(sink, [message(n) for n in range(10)]) == []
    until = (NOON + timedelta(minutes=6)).timestamp()
    with closing(Ops(make_settings(MONGODB_URI=mongodb.url))) as ops:
        assert ops.ingest.replay("messages", "mongodb", StoredQuery(until=until)).items == 6
    items = buffered(connection, "messages")
    assert [item["msg_id"] for item in items] == [f"m{n:04}" for n in range(6)]
    assert store(sink, items) == []
    with closing(mongodb.connect()) as client:
        assert client.data.messages.count_documents({}) == 10
