"""Ctrl-C during a bulk action: each job is in one place, and the same command continues with the rest."""

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
from support.waiting import PATIENCE_SECONDS, eventually

PROGRAM = str(Path(sys.executable).with_name("qctl"))

WAITING_JOBS, DEAD_LETTERS = 60_000, 3_000

FIRST_STEP_JOBS = 600
"""Jobs after which the command has reported its first step."""


@pytest.fixture
def start(own_redis: RedisServer, tmp_path: Path) -> Callable[..., subprocess.Popen[str]]:
    """Start `qctl` with a Redis of its own."""

    def start_process(*words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [PROGRAM, *words],
            env={**os.environ, "REDIS_URL": own_redis.url, "QCTL_HOME": str(tmp_path)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return start_process


def places(connection: Redis) -> Counter[bytes]:
    """Count the places of each job: its queue, the dead letters, the trash."""
    count = Counter(connection.lrange(keys.queue("mail"), 0, -1))
    count.update(connection.zrange(keys.failed("mail"), 0, -1))
    for batch in connection.zrange(keys.TRASH, 0, -1):
        count.update(connection.lrange(keys.trash_jobs(batch.decode()), 0, -1))
    return count


def interrupt(process: subprocess.Popen[str], connection: Redis, initial_length: int) -> str:
    """Press Ctrl-C once the queue has changed by some steps, and return stderr."""
    eventually(lambda: abs(connection.llen(keys.queue("mail")) - initial_length) >= FIRST_STEP_JOBS, every=0.001)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 130, err
    return err


def finish(process: subprocess.Popen[str]) -> str:
    """Wait for the process and return stdout."""
    out, err = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 0, err
    return out


def test_interrupted_clear_can_be_continued(
    own_redis: RedisServer, start: Callable[..., subprocess.Popen[str]]
) -> None:
    line = ("clear", "mail", "--confirm", "mail")
    with own_redis.connect() as connection:
        ids = stock.fill(connection, "mail", WAITING_JOBS)
        assert "clearing mail: stopped after about" in interrupt(start(*line), connection, WAITING_JOBS)
        left = connection.llen(keys.queue("mail"))
        assert 0 < left < WAITING_JOBS
        assert places(connection) == Counter({id_.encode(): 1 for id_ in ids})
        assert f"mail: {left} jobs moved to the trash" in finish(start(*line)).replace(",", "")
        assert connection.llen(keys.queue("mail")) == 0
        assert places(connection) == Counter({id_.encode(): 1 for id_ in ids})


def test_interrupted_retry_can_be_continued(
    own_redis: RedisServer, start: Callable[..., subprocess.Popen[str]]
) -> None:
    line = ("retry", "--all", "--yes", "--rate", "5000/s")
    with own_redis.connect() as connection:
        ids = stock.fill(connection, "mail", DEAD_LETTERS)
        connection.delete(keys.queue("mail"))
        connection.zadd(keys.failed("mail"), dict.fromkeys(ids, -1))
        for id_ in ids:
            connection.hset(keys.job(id_), "status", "failed")
        assert "retrying: stopped after about" in interrupt(start(*line), connection, 0)
        left = connection.zcard(keys.failed("mail"))
        assert 0 < left < DEAD_LETTERS
        assert places(connection) == Counter({id_.encode(): 1 for id_ in ids})
        assert f"{left} jobs of mail enqueued again" in finish(start(*line)).replace(",", "")
        assert sorted(stock.waiting(connection, "mail")) == sorted(ids)
        assert connection.zcard(keys.failed("mail")) == 0
