"""The identity of the data: a Redis that comes back empty, older or as another server is noticed."""

from __future__ import annotations

import pytest
from redis import Redis

from qctl.broker.bookkeeping import data_identity, events
from qctl.broker.bookkeeping.data_identity import DataWatch
from qctl.broker.redis import keys
from support.servers import RedisServer


@pytest.fixture(autouse=True)
def _eager(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data_identity, "MARK_SECONDS", 0.0)


def losses(connection: Redis) -> list[str]:
    return [event.fields["reason"] for event in events.newest(connection, 10) if event.event == "lost"]


def test_same_data_is_no_loss(connection: Redis) -> None:
    scheduler, other, source = (
        DataWatch(connection, name, writes=name != "source") for name in ("scheduler", "other", "source")
    )
    assert source.check_if_due() is None  # no scheduler has run yet
    for watch in (scheduler, source, other, scheduler, source, DataWatch(connection, "late")):
        assert watch.check_if_due() is None
    assert connection.hget(keys.IDENTITY, "count") == b"3"
    assert losses(connection) == []


def test_empty_redis_is_noticed_by_each_and_recorded_once(connection: Redis, caplog: pytest.LogCaptureFixture) -> None:
    scheduler, source = DataWatch(connection, "scheduler", writes=True), DataWatch(connection, "source")
    for watch in (scheduler, source):
        watch.check_if_due()
    connection.flushall()
    for watch in (scheduler, source):
        assert "it holds none of what it held" in (watch.check_if_due() or "")
        assert watch.check_if_due() is None
    assert len([record for record in caplog.records if record.levelname == "ERROR"]) == 2
    assert len(losses(connection)) == 1
    assert connection.hexists(keys.IDENTITY, "lost_at")


def test_empty_redis_without_a_scheduler_is_noticed_once(connection: Redis) -> None:
    DataWatch(connection, "scheduler", writes=True).check_if_due()
    source = DataWatch(connection, "source")
    source.check_if_due()
    connection.flushall()
    assert source.check_if_due() is not None
    assert source.check_if_due() is None


def test_loss_is_noticed_again_once_the_user_may_compare_again(
    own_redis: RedisServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(data_identity, "BLIND_SECONDS", 0.0)
    caplog.set_level("INFO")
    with own_redis.connect() as connection, own_redis.connect() as admin:
        scheduler = DataWatch(connection, "scheduler", writes=True)
        scheduler.check_if_due()
        admin.execute_command("ACL", "SETUSER", "default", "-evalsha")
        for _ in range(3):
            assert scheduler.check_if_due() is None
        admin.execute_command("ACL", "SETUSER", "default", "+@all")
        admin.flushall()
        assert "it holds none of what it held" in (scheduler.check_if_due() or "")
        assert len(losses(admin)) == 1
    said = [record.getMessage() for record in caplog.records if record.levelname != "ERROR"]
    assert [line.partition(":")[0] for line in said] == [
        "a loss of data would not be noticed",
        "a loss of data is noticed again",
    ]


def test_older_copy_is_noticed(connection: Redis) -> None:
    scheduler, source = DataWatch(connection, "scheduler", writes=True), DataWatch(connection, "source")
    for _ in range(5):
        scheduler.check_if_due()
    source.check_if_due()
    connection.hset(keys.IDENTITY, "count", 2)
    assert "an older copy" in (source.check_if_due() or "")
    assert "an older copy" in (scheduler.check_if_due() or "")


def test_another_server_is_noticed(connection: Redis) -> None:
    scheduler = DataWatch(connection, "scheduler", writes=True)
    scheduler.check_if_due()
    connection.hset(keys.IDENTITY, mapping={"epoch": "other", "count": 70})
    assert "another server" in (scheduler.check_if_due() or "")


def test_the_run_id_tells_a_flush_from_a_restart(own_redis: RedisServer) -> None:
    with own_redis.connect() as connection:
        scheduler, source = DataWatch(connection, "scheduler", writes=True), DataWatch(connection, "source")
        scheduler.check_if_due()
        source.check_if_due()
        connection.flushall()
        assert (scheduler.check_if_due() or "").endswith("; the same process of Redis runs")
        assert (source.check_if_due() or "").endswith("; the same process of Redis runs")
        connection.flushall()
        own_redis.restart()
        DataWatch(connection, "other", writes=True).check_if_due()
        assert (source.check_if_due() or "").endswith("; another process of Redis runs now")


def test_damaged_identity_stops_nobody(connection: Redis) -> None:
    connection.set(keys.IDENTITY, "text")
    for watch in (DataWatch(connection, "scheduler", writes=True), DataWatch(connection, "source")):
        assert watch.check_if_due() is None
        assert watch.check_if_due() is None
