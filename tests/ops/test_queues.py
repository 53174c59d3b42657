"""Queues through `Ops`: pause, resume, drain, clear and delete."""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path

import pytest
from redis import Redis

from qctl import catalog
from qctl.broker.redis import keys
from qctl.broker.worker.claims import Claimant
from qctl.errors import NotFoundError, RefusedError, UsageError, WaitTimeoutError
from qctl.models import RunningJob
from qctl.ops import Ops
from qctl.settings import Settings
from support import stock
from support.servers import RedisServer
from support.waiting import PATIENCE_SECONDS, eventually
from support.workers import qctl_worker


def test_names(ops: Ops, connection: Redis) -> None:
    stock.enqueue(connection, "mail", "a")
    assert ops.queues.names() == sorted({"mail", *catalog.QUEUES})
    ops.queues.require("mail")
    assert ops.queues.waiting("mail") == 1


def test_an_unknown_queue_gets_suggestions(ops: Ops, connection: Redis) -> None:
    stock.enqueue(connection, "mail.high", "a")
    for act in (ops.queues.require, ops.queues.waiting, ops.queues.pause, ops.queues.resume, ops.queues.clear):
        with pytest.raises(NotFoundError) as caught:
            act("sensors-data")
        assert caught.value.close[0] == "sensor-data"
    ops.queues.require("mail")
    assert connection.exists(keys.PAUSED) == 0


def test_pause_and_resume(ops: Ops, connection: Redis) -> None:
    stock.enqueue(connection, "mail", "a")
    connection.zadd(keys.started("mail"), {"r:0123456789abcdef": 4_000_000_000})
    connection.zadd(keys.started("mail.high"), {"h:0123456789abcdef": 4_000_000_000})
    result = ops.queues.pause("mail", reason="deploy")
    assert (result.changed, result.pause.queue, result.pause.reason, result.pause.until) == (
        True,
        "mail",
        "deploy",
        None,
    )
    assert set(result.running) == {RunningJob("r", "mail"), RunningJob("h", "mail.high")}
    assert result.pause.by.endswith(f"@{socket.gethostname()}")
    assert not ops.queues.pause("mail").changed
    assert ops.queues.resume("mail").changed
    assert not ops.queues.resume("mail").changed


def test_a_pause_ends_after_its_time(ops: Ops) -> None:
    pause = ops.queues.pause("sensor-data", seconds=1800).pause
    assert pause.until is not None
    assert (pause.until - pause.at).total_seconds() == 1800
    with pytest.raises(UsageError):
        ops.queues.pause("sensor-data", seconds=0)


def test_an_unknown_queue_can_be_paused_if_allowed(ops: Ops) -> None:
    assert ops.queues.pause("soon", allow_unknown=True).changed
    assert ops.queues.resume("soon").changed


def test_a_worker_that_ignores_pauses_is_named(ops: Ops, connection: Redis) -> None:
    stock.enqueue(connection, "mail", "a")
    stock.register_worker(connection, "stock-1", "mail.high", "mail")
    stock.register_worker(connection, "elsewhere", "files")
    stock.register_worker(connection, "ours", "mail", host=socket.gethostname(), pid=os.getpid())
    claimant = Claimant(connection)
    claimant.lease.start()
    try:
        eventually(lambda: connection.zcard(keys.LEASES))
        with pytest.raises(RefusedError, match="stock-1 would"):
            ops.queues.pause("mail")
        assert connection.exists(keys.PAUSED) == 0
        forced = ops.queues.pause("mail", force=True)
        assert (forced.deaf_workers, forced.listening) == (["stock-1"], 2)
    finally:
        claimant.lease.stop()


def test_pause_waits_for_claimed_jobs(ops: Ops, connection: Redis) -> None:
    stock.enqueue(connection, "mail", "a")
    claimant = Claimant(connection)
    assert claimant.claim(["mail"], None) is not None
    with pytest.raises(WaitTimeoutError, match="paused"):
        ops.queues.pause("mail", timeout=0.05)
    assert connection.hexists(keys.PAUSED, "mail")
    claimant.put_back("mail", "a")
    assert ops.queues.pause("mail", timeout=PATIENCE_SECONDS).pause.queue == "mail"
    assert stock.waiting(connection, "mail") == ["a"]


def test_restore_takes_the_own_last_act_by_default(ops: Ops, connection: Redis) -> None:
    stock.fill(connection, "mail", 2)
    with ops.audit.acting_as("ada@box"):
        removed = ops.queues.clear("mail").batch
    with pytest.raises(NotFoundError, match="the last batch is of ada@box") as refused:
        ops.trash.choose()
    assert refused.value.hint == f"qctl trash restore {removed}"
    stock.enqueue(connection, "news", "own")
    own = ops.queues.clear("news").batch
    stock.enqueue(connection, "news", "later")
    with ops.audit.acting_as("ada@box"):
        ops.queues.clear("news")
    assert [batch.id for batch in ops.trash.choose().batches] == [own]
    assert ops.trash.restore(ops.trash.choose()).restored == 1


def test_clear_restore_and_purge(ops: Ops, connection: Redis) -> None:
    ids = stock.fill(connection, "mail", 3)
    steps: list[tuple[int, int | None]] = []
    result = ops.queues.clear("mail", progress=lambda *now: steps.append(now))
    assert (result.removed, result.purged, steps) == (3, False, [(3, 3)])
    (batch,) = ops.trash.list()
    assert batch.id == result.batch
    assert (batch.expires_at - batch.at).total_seconds() == 86400
    assert ops.trash.restore().restored == 3
    assert stock.waiting(connection, "mail") == ids
    assert ops.queues.clear("mail", purge=True).purged
    assert ops.trash.list() == []
    stock.fill(connection, "mail", 2)
    ops.queues.clear("mail")
    assert ops.trash.empty() == 2


# --- a queue and all its jobs -------------------------------------------------------------------------------


def test_a_queue_is_shown_with_lanes_workers_and_causes(ops: Ops, connection: Redis) -> None:
    stock.enqueue(connection, "mail", "a", json=True)
    stock.enqueue(connection, "mail.high", "b", json=True)
    stock.die(connection, stock.enqueue(connection, "mail", "d"))
    stock.register_worker(connection, "w", "mail")
    shown = ops.queues.show("mail")
    assert {lane.name: lane.waiting for lane in shown.lanes} == {"mail": 1, "mail.high": 1}
    assert [worker.name for worker in shown.workers] == ["w"]
    assert shown.names == {"app.tasks.send": 2}
    assert [(cause.count, cause.exception) for cause in shown.causes] == [(1, "ValueError")]
    with pytest.raises(NotFoundError):
        ops.queues.show("mial")


def test_drain_pauses_and_waits_for_running_jobs(ops: Ops, connection: Redis) -> None:
    stock.enqueue(connection, "mail", "waits")
    connection.zadd(keys.started("mail"), {"runs:0123456789abcdef": 4_000_000_000})
    with pytest.raises(WaitTimeoutError, match="1 job left: runs"):
        ops.queues.drain("mail", timeout=0.2)
    connection.delete(keys.started("mail"))
    result = ops.queues.drain("mail", timeout=PATIENCE_SECONDS)
    assert result.pause is not None
    assert next(queue for queue in ops.stats.read().queues if queue.name == "mail").paused is not None
    assert stock.waiting(connection, "mail") == ["waits"]


def test_drain_until_empty_does_not_pause(ops: Ops, connection: Redis) -> None:
    stock.enqueue(connection, "mail", "waits")
    with pytest.raises(WaitTimeoutError, match="none runs, and no worker takes them"):
        ops.queues.drain("mail", timeout=0.2, empty=True)
    connection.delete(keys.queue("mail"))
    assert ops.queues.drain("mail", timeout=PATIENCE_SECONDS, empty=True).pause is None
    assert connection.exists(keys.PAUSED) == 0


def test_a_deleted_queue_can_be_restored_with_all_jobs(ops: Ops, connection: Redis) -> None:
    ids = stock.fill(connection, "mail", 300)
    stock.die(connection, stock.enqueue(connection, "mail", "d"))
    result = ops.queues.delete("mail")
    assert (result.removed, result.listed) == (301, False)
    assert "mail" not in ops.queues.names()
    assert ops.trash.restore(result.batch).restored == 301
    assert stock.waiting(connection, "mail") == ids
    assert ops.dead_letters.count("mail") == 1


def test_a_busy_queue_cannot_be_deleted(ops: Ops, connection: Redis) -> None:
    stock.enqueue(connection, "mail", "a")
    stock.register_worker(connection, "w", "mail")
    with pytest.raises(RefusedError, match="worker w listens to it"):
        ops.queues.delete("mail")
    connection.zadd(keys.started("mail"), {"runs:0123456789abcdef": 4_000_000_000})
    with pytest.raises(RefusedError, match="runs runs"):
        ops.queues.delete("mail", force=True)
    connection.delete(keys.started("mail"))
    assert ops.queues.delete("mail", force=True).removed == 1


def test_a_queue_without_recorded_events_has_an_empty_history(ops: Ops, connection: Redis) -> None:
    stock.enqueue(connection, "mail", "a")
    assert ops.queues.history("mail", seconds=3600, span="hour") == []


def test_pause_and_delete_pass_over_a_killed_worker(
    ops: Ops, connection: Redis, redis_server: RedisServer, tmp_path: Path
) -> None:
    """Its registration lasts 90 s; what it had claimed is all that matters."""
    connection.sadd(keys.QUEUES, keys.queue("mail"))
    with qctl_worker(tmp_path, redis_server.url, "mail") as worker:
        worker.kill()
        (name,) = connection.zrange(keys.LEASES, 0, -1)
        connection.zadd(keys.LEASES, {name: (time.time() - 1) * 1000})  # 15 s later
        assert [listed.silent for listed in ops.workers.list()] == [True]
        assert ops.queues.pause("mail").deaf_workers == []
        findings = {finding.check: finding for finding in ops.doctor.examine().findings}
        assert "obedience" not in findings
        assert name.decode() in findings["silent workers"].reason
        ops.queues.delete("mail")


def test_full_redis_can_be_paused_and_its_workers_are_not_named(own_redis: RedisServer, tmp_path: Path) -> None:
    ops = Ops(Settings.load(environ={"REDIS_URL": own_redis.url, "QCTL_HOME": str(tmp_path)}))
    with own_redis.connect() as connection, qctl_worker(tmp_path, own_redis.url, "mail"):
        connection.sadd(keys.QUEUES, keys.queue("mail"))
        connection.config_set("maxmemory", 1)
        (name,) = connection.zrange(keys.LEASES, 0, -1)
        lease = connection.zscore(keys.LEASES, name)
        assert ops.queues.pause("mail").deaf_workers == []
        eventually(lambda: connection.zscore(keys.LEASES, name) != lease)
        assert ops.queues.drain("mail", timeout=PATIENCE_SECONDS).pause is not None
