"""Test forks beside a thread that talks to Redis: no child waits for a lock that the thread had."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator

import pytest
from redis import Redis

from qctl.broker.worker.fork_guard import ForkGuard
from support.waiting import PATIENCE_SECONDS, eventually


@pytest.fixture
def talking(connection: Redis) -> Iterator[None]:
    """A thread that talks to Redis all the time."""
    stop, guard = threading.Event(), ForkGuard()

    def run() -> None:
        while not stop.is_set():
            with guard:
                connection.ping()

    thread = threading.Thread(target=run)
    thread.start()
    yield
    stop.set()
    thread.join()


def _ended(pid: int) -> bool:
    return os.waitpid(pid, os.WNOHANG)[0] == pid


def test_every_child_can_use_redis(connection: Redis, talking: None) -> None:
    for _ in range(100):
        pid = os.fork()
        if pid == 0:
            signal.alarm(60)  # nobody waits for one that hangs
            connection.ping()
            os._exit(0)
        eventually(lambda pid=pid: _ended(pid), what="the end of a child")  # type: ignore[misc]


def test_fork_waits_for_guarded_threads(connection: Redis) -> None:
    guard, inside, leave = ForkGuard(), threading.Event(), threading.Event()

    def run() -> None:
        with guard:
            inside.set()
            assert leave.wait(PATIENCE_SECONDS)

    thread = threading.Thread(target=run)
    thread.start()
    assert inside.wait(PATIENCE_SECONDS)
    forked = threading.Event()

    def fork() -> None:
        pid = os.fork()
        if pid == 0:
            os._exit(0)
        os.waitpid(pid, 0)
        forked.set()

    forking = threading.Thread(target=fork)
    forking.start()
    assert not forked.wait(0.2)
    leave.set()
    assert forked.wait(PATIENCE_SECONDS)
    thread.join()
    forking.join()
