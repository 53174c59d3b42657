"""Counts of dropped messages that brokers tell: their growth is counted once."""

from __future__ import annotations

import pytest
from redis import Redis

from qctl.broker.ingest import broker_drops
from qctl.broker.redis import ingest_keys


def dropped(connection: Redis) -> tuple[int, bool]:
    with connection.pipeline(transaction=False) as pipe:
        broker_drops.stage(pipe, "readings")
        count, at = broker_drops.parse_fields(pipe.execute()[0])
    return count, at is not None


def test_the_growth_of_a_count_is_counted_from_the_first_one_on(connection: Redis) -> None:
    grown = [broker_drops.note(connection, "readings", "b:1883 t", value) for value in (100, 100, 103, 103, 110)]
    assert grown == [0, 0, 3, 0, 7]
    assert dropped(connection) == (10, True)


def test_a_broker_that_has_started_again_counts_from_zero(connection: Redis) -> None:
    for value in (100, 4):
        broker_drops.note(connection, "readings", "b:1883 t", value)
    assert dropped(connection) == (4, True)


def test_nodes_are_counted_apart_and_only_so_many(connection: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    for node in ("a", "b"):
        for value in (1, 2):
            broker_drops.note(connection, "readings", f"{node} t", value)
    assert dropped(connection) == (2, True)
    monkeypatch.setattr(broker_drops, "MAX_COUNTERS", 4)
    broker_drops.note(connection, "readings", "c t", 1)
    assert connection.hlen(ingest_keys.broker_drops("readings")) == 4


@pytest.mark.parametrize("payload", [b"", b"x", b"-1", b"1.5", b"9" * 16, "\u0663".encode()])
def test_what_is_no_count_is_not_taken(payload: bytes) -> None:
    assert broker_drops.parse(payload) is None


def test_a_count_is_read() -> None:
    assert broker_drops.parse(b" 12\n") == 12
