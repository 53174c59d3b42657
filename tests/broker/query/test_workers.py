"""Workers that are registered in Redis."""

from __future__ import annotations

import os
import socket
import time
from datetime import datetime, timezone

import pytest
from redis import Redis
from redis.exceptions import OutOfMemoryError

from qctl.broker.query import workers
from qctl.broker.redis import keys
from qctl.broker.worker.claims import Claimant
from qctl.broker.worker.rq_adapter import QctlWorker
from qctl.broker.worker.worker_record import WorkerRecord
from qctl.settings import Settings
from support import stock
from support.servers import RedisServer
from support.waiting import eventually


def test_worker_is_read_from_its_hash(connection: Redis) -> None:
    stock.register_worker(connection, "w1", "mail", "files", pid=17, host="box", state="busy", current_job="j1")
    (worker,) = workers.living(connection)
    assert (worker.name, worker.queues, worker.state, worker.host) == ("w1", ["mail", "files"], "busy", "box")
    assert (worker.pid, worker.current_job, worker.honours_pause) == (17, "j1", False)
    assert worker.last_heartbeat is not None


def test_dead_workers_are_left_out_and_not_deleted(connection: Redis) -> None:
    stock.register_worker(connection, "left", "mail", death="2026-01-01T00:00:00.000000Z")
    stock.register_worker(connection, "killed", "mail")
    connection.delete(keys.worker("killed"))
    stock.register_worker(connection, "damaged", "mail")
    connection.delete(keys.worker("damaged"))
    connection.set(keys.worker("damaged"), "text")
    assert workers.living(connection) == []
    assert connection.scard(keys.WORKERS) == 3


def test_worker_with_a_lease_honours_pauses(connection: Redis) -> None:
    host, pid = socket.gethostname(), os.getpid()
    stock.register_worker(connection, "ours", "mail", host=host, pid=pid)
    stock.register_worker(connection, "like ours", "mail", host=host, pid=int(f"{pid}1"))
    claimant = Claimant(connection)
    claimant.lease.start()
    try:
        eventually(lambda: connection.zcard(keys.LEASES))
        assert {worker.name: worker.honours_pause for worker in workers.living(connection)} == {
            "ours": True,
            "like ours": False,
        }
    finally:
        claimant.lease.stop()
    assert not any(worker.honours_pause for worker in workers.living(connection))


def test_expired_lease_is_ignored(connection: Redis) -> None:
    born = datetime.fromtimestamp(time.time() - 10, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    stock.register_worker(connection, "w", "mail", host="h", pid=1, birth=born)
    connection.zadd(keys.LEASES, {"h.1.abc": (time.time() - 60) * 1000})
    assert not workers.living(connection)[0].honours_pause


def test_worker_whose_lease_is_over_is_silent_and_starts_nothing(connection: Redis) -> None:
    over = (time.time() - 30) * 1000
    born = datetime.fromtimestamp(time.time() - 100, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    stock.register_worker(connection, "h.7.abcdef", "mail", pid=7)
    stock.register_worker(connection, "h.8.abcdef", "mail", pid=8)
    stock.register_worker(connection, "pausable", "mail", pid=9, birth=born)
    stock.register_worker(connection, "deaf", "mail", pid=10)
    connection.zadd(keys.LEASES, {"h.7.abcdef": over, "h.9.123456": over})
    assert {worker.name: (worker.honours_pause, worker.silent) for worker in workers.living(connection)} == {
        "h.7.abcdef": (True, True),
        "h.8.abcdef": (True, True),  # its lease was deleted, as by FLUSHALL
        "pausable": (True, True),
        "deaf": (False, False),
    }
    ended = {worker.name: worker.lease_until for worker in workers.living(connection)}["h.7.abcdef"]
    assert ended is not None
    assert abs(ended.timestamp() * 1000 - over) < 2


def test_stock_worker_is_not_taken_for_an_earlier_process_of_its_number(connection: Redis) -> None:
    """Workers in containers of one name have the number 1 one after another."""
    born = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    stock.register_worker(connection, "stock", "mail", pid=1, birth=born)
    connection.zadd(keys.LEASES, {"h.1.abcdef": (time.time() - 5) * 1000})
    (worker,) = workers.living(connection)
    assert (worker.honours_pause, worker.silent, worker.claimant) == (False, False, None)


def test_full_redis_does_not_end_leases(own_redis: RedisServer) -> None:
    connection = own_redis.connect()
    connection.config_set("maxmemory", 1)
    claimant = Claimant(connection)
    claimant.lease.start()
    try:
        eventually(lambda: connection.zscore(keys.LEASES, claimant.name))
        with pytest.raises(OutOfMemoryError):
            connection.set("more", "x")
    finally:
        claimant.lease.stop()
        connection.close()


def test_listening_workers_are_found(connection: Redis) -> None:
    stock.register_worker(connection, "one", "mail")
    stock.register_worker(connection, "two", "mail.high", "other")
    stock.register_worker(connection, "three", "other")
    stock.register_worker(connection, "comma", "a,b")
    connection.srem(keys.queue_workers("mail"), keys.worker("one"))
    assert [worker.name for worker in workers.listening(connection, ["mail", "mail.high"])] == ["one", "two"]
    assert [worker.name for worker in workers.listening(connection, ["a,b"])] == ["comma"]


def test_hostile_worker_fields_are_read(connection: Redis) -> None:
    stock.register_worker(connection, "\x1b]0;x\x07", "a\nb", pid=-5, host="\udcff", last_heartbeat="soon")
    connection.hset(keys.worker("\x1b]0;x\x07"), "pid", "9" * 400)
    (worker,) = workers.living(connection)
    assert (worker.pid, worker.last_heartbeat, worker.host) == (None, None, "\udcff")


def test_a_worker_reports_how_far_the_clock_of_its_host_is_off(
    connection: Redis, worker_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = WorkerRecord(QctlWorker(["work"], connection, worker_settings, "inline"), connection)
    record.register()
    real_time = time.time
    monkeypatch.setattr(time, "time", lambda: real_time() + 100)
    for _ in range(2):
        record.beat([], lambda _: None)
    monkeypatch.undo()
    (found,) = workers.living(connection)
    assert found.clock_skew == pytest.approx(100, abs=2)
