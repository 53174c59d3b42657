"""Counters by topic are bounded, whatever topics clients choose."""

from __future__ import annotations

import time

import pytest
from redis import Redis
from redis.exceptions import ResponseError

from qctl.broker.ingest import topics
from qctl.broker.ingest.pauses import MIN_PAUSES
from qctl.broker.ingest.topics import TopicCounters
from qctl.broker.query import pipeline_status
from qctl.broker.redis import ingest_keys, keys
from qctl.models import TopicStatus


def read(connection: Redis) -> dict[str | None, TopicStatus]:
    return {status.topic: status for status in pipeline_status.by_topic(connection, "readings")}


def test_messages_are_counted_with_their_lag(connection: Redis) -> None:
    counters = TopicCounters(connection, "readings")
    for _ in range(60):
        counters.add("sensors/a", 1_500_000_000)
    counters.add("sensors/a", None)
    counters.add("sensors/b", None)
    counters.flush()
    counters.add("sensors/a", 250_000_000)
    counters.flush()
    by_topic = read(connection)
    a, b = by_topic["sensors/a"], by_topic["sensors/b"]
    assert (a.received, a.rejected, a.lag) == (61, 1, 0.25)
    assert 0.3 < a.rate <= 1.04
    assert (b.received, b.rejected, b.lag) == (0, 1, None)
    assert a.seen_at is not None
    assert abs(a.seen_at.timestamp() - time.time()) < 60


def test_flush_without_messages_sends_nothing(connection: Redis) -> None:
    TopicCounters(connection, "readings").flush()
    assert not connection.exists(keys.topics("readings"))


def test_two_bridges_add_to_the_same_counters(connection: Redis) -> None:
    for _ in range(2):
        counters = TopicCounters(connection, "readings")
        counters.add("sensors/a", 0)
        counters.flush()
    assert read(connection)["sensors/a"].received == 2


def test_topics_beyond_the_maximum_are_counted_together(connection: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(topics, "MAX_TOPICS", 3)
    counters = TopicCounters(connection, "readings")
    for number in range(10):
        counters.add(f"sensors/{number}", 0)
    counters.flush()
    counters.add("sensors/0", 0)
    counters.flush()
    by_topic = read(connection)
    assert set(by_topic) == {"sensors/0", "sensors/1", "sensors/2", None}
    assert by_topic[None].received == 7
    assert by_topic["sensors/0"].received == 2
    assert connection.hlen(keys.topics("readings")) == 4


def test_silent_topic_is_replaced(connection: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(topics, "MAX_TOPICS", 2)
    counters = TopicCounters(connection, "readings")
    for name in ("old", "young"):
        counters.add(name, 0)
    counters.flush()
    connection.zincrby(keys.topics_seen("readings"), -(topics.EVICTION_SILENCE_SECONDS + 1) * 1000, "old")
    counters.add("new", 0)
    counters.add("newer", 0)
    counters.flush()
    assert set(read(connection)) == {"young", "new", None}


def test_memory_is_bounded_between_two_flushes(connection: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(topics, "MAX_PENDING_TOPICS", 5)
    counters = TopicCounters(connection, "readings")
    for number in range(100):
        counters.add(f"sensors/{number}", 0)
    counters.add("x" * 2000, None)
    counters.flush()
    by_topic = read(connection)
    assert len(by_topic) == 6
    assert by_topic[None].received + by_topic[None].rejected == 96


def test_topic_that_is_not_utf8_is_counted(connection: Redis) -> None:
    counters = TopicCounters(connection, "readings")
    counters.add(b"sensors/\xff\n".decode(errors="surrogateescape"), None)
    counters.flush()
    assert [name for name in read(connection) if name] == ["sensors/\udcff\n"]


def test_rate_decays(connection: Redis) -> None:
    counters = TopicCounters(connection, "readings")
    counters.add("sensors/a", 0)
    counters.flush()
    now = read(connection)["sensors/a"].rate
    connection.zincrby(keys.topics_seen("readings"), -topics.RATE_WINDOW_SECONDS * 1000, "sensors/a")
    assert read(connection)["sensors/a"].rate == pytest.approx(now / 2.718, rel=0.2)


def test_unreadable_entries_are_ignored(connection: Redis) -> None:
    connection.hset(keys.topics("readings"), mapping={"a": "1 2 x 3", "b": b"\xff", "c": "1 2 0.5 ", "d": "1 2 0.5 7"})
    by_topic = read(connection)
    assert set(by_topic) == {"c", "d"}
    assert (by_topic["c"].lag, by_topic["d"].lag, by_topic["d"].seen_at) == (None, 0.007, None)
    connection.set(keys.topics_seen("readings"), "text")
    assert set(read(connection)) == {"c", "d"}
    counters = TopicCounters(connection, "readings")
    counters.add("a", 0)
    with pytest.raises(ResponseError, match="WRONGTYPE"):
        counters.flush()


def test_the_usual_pause_is_the_longest_once_enough_messages_came(connection: Redis) -> None:
    counters = TopicCounters(connection, "readings")
    counters.add("sensors/a", 0)
    counters.flush()
    for number in range(MIN_PAUSES):
        connection.zincrby(keys.topics_seen("readings"), -(30_000 if number == 3 else 2000), "sensors/a")
        assert read(connection)["sensors/a"].usual_pause is None
        counters.add("sensors/a", 0)
        counters.flush()
    usual = read(connection)["sensors/a"].usual_pause
    assert usual is not None
    assert 30 <= usual < 40


def test_the_pauses_of_a_replaced_topic_are_deleted(connection: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(topics, "MAX_TOPICS", 1)
    counters = TopicCounters(connection, "readings")
    for _ in range(2):
        counters.add("old", 0)
        counters.flush()
    assert connection.hkeys(ingest_keys.topic_pauses("readings")) == [b"old"]
    connection.zincrby(keys.topics_seen("readings"), -(topics.EVICTION_SILENCE_SECONDS + 1) * 1000, "old")
    counters.add("new", 0)
    counters.flush()
    assert connection.hlen(ingest_keys.topic_pauses("readings")) == 0
