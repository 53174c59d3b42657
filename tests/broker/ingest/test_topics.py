"""Counts of topics: told apart as far as they may be, whoever invents them."""

from __future__ import annotations

import time

import pytest
from redis import Redis
from redis.exceptions import ResponseError

from qctl.broker.ingest import topics
from qctl.broker.ingest.topics import Topics
from qctl.broker.query import pipeline_status
from qctl.broker.redis import keys
from qctl.models import TopicStatus


def told(connection: Redis) -> dict[str | None, TopicStatus]:
    return {each.topic: each for each in pipeline_status.by_topic(connection, "readings")}


def test_what_came_is_counted_with_its_lag(connection: Redis) -> None:
    counted = Topics(connection, "readings")
    for _ in range(60):
        counted.add("sensors/a", 1_500_000_000)
    counted.add("sensors/a", None)
    counted.add("sensors/b", None)
    counted.tell()
    counted.add("sensors/a", 250_000_000)
    counted.tell()
    found = told(connection)
    a, b = found["sensors/a"], found["sensors/b"]
    assert (a.received, a.rejected, a.lag) == (61, 1, 0.25)
    assert 0.8 < a.rate <= 1.04
    assert (b.received, b.rejected, b.lag) == (0, 1, None)
    assert a.seen_at is not None
    assert abs(a.seen_at.timestamp() - time.time()) < 60


def test_nothing_is_sent_where_nothing_came(connection: Redis) -> None:
    Topics(connection, "readings").tell()
    assert not connection.exists(keys.topics("readings"))


def test_two_bridges_add_up(connection: Redis) -> None:
    for _ in range(2):
        counted = Topics(connection, "readings")
        counted.add("sensors/a", 0)
        counted.tell()
    assert told(connection)["sensors/a"].received == 2


def test_invented_topics_are_counted_together(connection: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(topics, "MOST", 3)
    counted = Topics(connection, "readings")
    for number in range(10):
        counted.add(f"sensors/{number}", 0)
    counted.tell()
    counted.add("sensors/0", 0)
    counted.tell()
    found = told(connection)
    assert set(found) == {"sensors/0", "sensors/1", "sensors/2", None}
    assert found[None].received == 7
    assert found["sensors/0"].received == 2
    assert connection.hlen(keys.topics("readings")) == 4


def test_a_topic_that_is_silent_gives_way(connection: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(topics, "MOST", 2)
    counted = Topics(connection, "readings")
    for name in ("old", "young"):
        counted.add(name, 0)
    counted.tell()
    connection.zincrby(keys.topics_seen("readings"), -(topics.SILENT + 1) * 1000, "old")
    counted.add("new", 0)
    counted.add("newer", 0)
    counted.tell()
    assert set(told(connection)) == {"young", "new", None}


def test_memory_is_bounded_between_two_tellings(connection: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(topics, "MOST_UNTOLD", 5)
    counted = Topics(connection, "readings")
    for number in range(100):
        counted.add(f"sensors/{number}", 0)
    counted.add("x" * 2000, None)
    counted.tell()
    found = told(connection)
    assert len(found) == 6
    assert found[None].received + found[None].rejected == 96


def test_a_topic_that_is_no_text_is_counted(connection: Redis) -> None:
    counted = Topics(connection, "readings")
    counted.add(b"sensors/\xff\n".decode(errors="surrogateescape"), None)
    counted.tell()
    assert [name for name in told(connection) if name] == ["sensors/\udcff\n"]


def test_a_rate_fades(connection: Redis) -> None:
    counted = Topics(connection, "readings")
    counted.add("sensors/a", 0)
    counted.tell()
    now = told(connection)["sensors/a"].rate
    connection.zincrby(keys.topics_seen("readings"), -topics.WINDOW * 1000, "sensors/a")
    assert told(connection)["sensors/a"].rate == pytest.approx(now / 2.718, rel=0.2)


def test_what_somebody_else_wrote_there_is_passed_over(connection: Redis) -> None:
    connection.hset(keys.topics("readings"), mapping={"a": "1 2 x 3", "b": b"\xff", "c": "1 2 0.5 ", "d": "1 2 0.5 7"})
    found = told(connection)
    assert set(found) == {"c", "d"}
    assert (found["c"].lag, found["d"].lag, found["d"].seen_at) == (None, 0.007, None)
    connection.set(keys.topics_seen("readings"), "text")
    assert set(told(connection)) == {"c", "d"}
    counted = Topics(connection, "readings")
    counted.add("a", 0)
    with pytest.raises(ResponseError, match="WRONGTYPE"):
        counted.tell()
