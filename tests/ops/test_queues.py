"""Pausing, resuming and clearing by name."""

from __future__ import annotations

import os
import socket

import pytest
from redis import Redis

from qctl import catalog
from qctl.broker import keys
from qctl.broker.claimant import Claimant
from qctl.errors import NotFoundError, RefusedError, UsageError, WaitTimeoutError
from qctl.models import RunningJob
from qctl.ops import Ops
from support import stock
from support.waiting import eventually


def test_names(ops: Ops, connection: Redis) -> None:
    stock.enqueue(connection, "mail", "a")
    assert ops.queues.names() == sorted({"mail", *catalog.QUEUES})
    ops.queues.require("mail")
    assert ops.queues.waiting("mail") == 1


def test_an_unknown_queue_is_named_with_what_looks_like_it(ops: Ops, connection: Redis) -> None:
    stock.enqueue(connection, "mail.high", "a")
    for act in (ops.queues.require, ops.queues.waiting, ops.queues.pause, ops.queues.resume, ops.queues.clear):
        with pytest.raises(NotFoundError) as caught:
            act("sensors-data")
        assert caught.value.close[0] == "sensor-data"
    ops.queues.require("mail")
    assert connection.exists(keys.PAUSED) == 0


def test_pause_and_resume(ops: Ops, connection: Redis) -> None:
    stock.enqueue(connection, "mail", "a")
    connection.zadd(keys.started("mail"), {"r:1": 1})
    connection.zadd(keys.started("mail.high"), {"h:1": 1})
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


def test_a_pause_that_ends_by_itself(ops: Ops) -> None:
    pause = ops.queues.pause("sensor-data", seconds=1800).pause
    assert pause.until is not None
    assert (pause.until - pause.at).total_seconds() == 1800
    with pytest.raises(UsageError):
        ops.queues.pause("sensor-data", seconds=0)


def test_a_queue_that_is_not_there_yet(ops: Ops) -> None:
    assert ops.queues.pause("soon", allow_unknown=True).changed
    assert ops.queues.resume("soon").changed


def test_a_worker_that_would_go_on_is_named(ops: Ops, connection: Redis) -> None:
    stock.enqueue(connection, "mail", "a")
    stock.register_worker(connection, "stock-1", "mail.high", "mail")
    stock.register_worker(connection, "elsewhere", "files")
    stock.register_worker(connection, "ours", "mail", host=socket.gethostname(), pid=os.getpid())
    claimant = Claimant(connection)
    claimant.start()
    try:
        eventually(lambda: connection.zcard(keys.LEASES))
        with pytest.raises(RefusedError, match="stock-1 would"):
            ops.queues.pause("mail")
        assert connection.exists(keys.PAUSED) == 0
        assert ops.queues.pause("mail", force=True).deaf_workers == ["stock-1"]
    finally:
        claimant.stop()


def test_a_claim_that_does_not_start_is_waited_for(ops: Ops, connection: Redis) -> None:
    stock.enqueue(connection, "mail", "a")
    claimant = Claimant(connection)
    assert claimant.take(["mail"], None) is not None
    with pytest.raises(WaitTimeoutError, match="paused"):
        ops.queues.pause("mail", timeout=0.05)
    assert connection.hexists(keys.PAUSED, "mail")
    claimant.put_back("mail", "a")
    assert ops.queues.pause("mail", timeout=0.05).pause.queue == "mail"
    assert stock.waiting(connection, "mail") == ["a"]


def test_clear_restore_and_purge(ops: Ops, connection: Redis) -> None:
    ids = stock.fill(connection, "mail", 3)
    told: list[tuple[int, int | None]] = []
    result = ops.queues.clear("mail", progress=lambda *now: told.append(now))
    assert (result.removed, result.purged, told) == (3, False, [(3, 3)])
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
