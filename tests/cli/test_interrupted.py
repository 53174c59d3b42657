"""Ctrl-C in the middle of a bulk act: each job is in one place, and the same command goes on with the others."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from redis import Redis

from qctl.broker.redis import keys
from support import stock
from support.servers import RedisServer
from support.waiting import eventually

PROGRAM = str(Path(sys.executable).with_name("qctl"))

WAITING, DEAD = 60_000, 3_000

SOME = 600
"""Jobs after which it has surely told of the first step."""


@pytest.fixture
def start(own_redis: RedisServer, tmp_path: Path) -> Callable[..., subprocess.Popen[str]]:
    """Starts `qctl` with a Redis of its own."""

    def begin(*words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [PROGRAM, *words],
            env={**os.environ, "REDIS_URL": own_redis.url, "QCTL_HOME": str(tmp_path)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return begin


def places(connection: Redis) -> Counter[bytes]:
    """In how many places each job is: its queue, the dead letters, the trash."""
    found = Counter(connection.lrange(keys.queue("mail"), 0, -1))
    found.update(connection.zrange(keys.failed("mail"), 0, -1))
    for batch in connection.zrange(keys.TRASH, 0, -1):
        found.update(connection.lrange(keys.trash_jobs(batch.decode()), 0, -1))
    return found


def stopped(begun: subprocess.Popen[str], connection: Redis, queue_changes: int) -> str:
    """What it says, after Ctrl-C once the queue's length differs by some steps from what it was."""
    eventually(lambda: abs(connection.llen(keys.queue("mail")) - queue_changes) >= SOME, every=0.001)
    begun.send_signal(signal.SIGINT)
    _, err = begun.communicate(timeout=60)
    assert begun.returncode == 130, err
    return err


def ended(begun: subprocess.Popen[str]) -> str:
    """What it prints when it is left alone."""
    out, err = begun.communicate(timeout=60)
    assert begun.returncode == 0, err
    return out


def test_clear(own_redis: RedisServer, start: Callable[..., subprocess.Popen[str]]) -> None:
    line = ("clear", "mail", "--confirm", "mail")
    with own_redis.connect() as connection:
        ids = stock.fill(connection, "mail", WAITING)
        assert "clearing mail: stopped after about" in stopped(start(*line), connection, WAITING)
        left = connection.llen(keys.queue("mail"))
        assert 0 < left < WAITING
        assert places(connection) == Counter({id_.encode(): 1 for id_ in ids})
        assert f"mail: {left} jobs moved to the trash" in ended(start(*line)).replace(",", "")
        assert connection.llen(keys.queue("mail")) == 0
        assert places(connection) == Counter({id_.encode(): 1 for id_ in ids})


def test_retry(own_redis: RedisServer, start: Callable[..., subprocess.Popen[str]]) -> None:
    line = ("retry", "--all", "--yes", "--rate", "5000/s")
    with own_redis.connect() as connection:
        ids = stock.fill(connection, "mail", DEAD)
        connection.delete(keys.queue("mail"))
        connection.zadd(keys.failed("mail"), dict.fromkeys(ids, -1))
        for id_ in ids:
            connection.hset(keys.job(id_), "status", "failed")
        assert "retrying: stopped after about" in stopped(start(*line), connection, 0)
        left = connection.zcard(keys.failed("mail"))
        assert 0 < left < DEAD
        assert places(connection) == Counter({id_.encode(): 1 for id_ in ids})
        assert f"{left} jobs of mail run again" in ended(start(*line)).replace(",", "")
        assert sorted(stock.waiting(connection, "mail")) == sorted(ids)
        assert connection.zcard(keys.failed("mail")) == 0
