"""Limits per owner hold for any number of producers."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from redis import Redis

from qctl.broker.admin import trash
from qctl.broker.producer import enqueue, owner_limits
from qctl.broker.producer.enqueue import NewJob
from qctl.broker.producer.owner_limits import OwnerLimits
from qctl.broker.redis import keys
from qctl.broker.worker.rq_adapter import QctlWorker
from qctl.errors import RateLimitedError, RefusedError
from support.servers import RedisServer

LIMITS = OwnerLimits(per_minute=10, active=5)


def attempt(
    connection: Redis, *ids: str, owner: str | None = "ada", limits: OwnerLimits = LIMITS, **options: Any
) -> None:
    jobs = [NewJob(id_, "give", "support.jobs.give", "work", {}, timeout=60, owner=owner) for id_ in ids]
    enqueue.create(connection, jobs, limits=limits, actor="me", retry_seconds=2.0, **options)


def rejection(call: Callable[[], None]) -> RateLimitedError:
    with pytest.raises(RateLimitedError) as caught:
        call()
    return caught.value


def waiting(connection: Redis) -> int:
    return int(connection.llen(keys.queue("work")))


def test_sixth_active_job_is_rejected(connection: Redis, inline: QctlWorker) -> None:
    for n in range(5):
        attempt(connection, f"job-{n}")
    error = rejection(lambda: attempt(connection, "job-5"))
    assert error.message == "Rate limit exceeded. Maximum 5 active jobs allowed."
    assert error.retry_after is None
    assert isinstance(error, RefusedError)
    assert waiting(connection) == 5
    inline.work(burst=True, max_jobs=1)
    attempt(connection, "job-6")
    assert owner_limits.rejection_counts(connection) == {"rate": 0, "active": 1, "memory": 0}


def test_eleventh_job_in_a_minute_is_rejected(connection: Redis) -> None:
    only_rate = OwnerLimits(per_minute=10)
    for n in range(10):
        attempt(connection, f"job-{n}", limits=only_rate)
    error = rejection(lambda: attempt(connection, "job-10", limits=only_rate))
    assert error.retry_after in range(50, 61)
    assert error.message == (f"Maximum 10 job creation attempts per minute. Try again in {error.retry_after} seconds.")
    assert waiting(connection) == 10
    assert owner_limits.rejection_counts(connection) == {"rate": 1, "active": 0, "memory": 0}


def test_window_slides(connection: Redis) -> None:
    only_rate = OwnerLimits(per_minute=3)
    attempt(connection, "a", "b", "c", limits=only_rate)
    now = time.time() * 1000
    connection.zadd(keys.owner_created("ada"), {"a": now - 61_000, "b": now - 58_000, "c": now - 30_000})
    attempt(connection, "d", limits=only_rate)
    error = rejection(lambda: attempt(connection, "e", limits=only_rate))
    assert error.retry_after in (1, 2), "b is the next to leave the window"
    error = rejection(lambda: attempt(connection, "e", "f", limits=only_rate))
    assert error.retry_after in range(25, 31), "for two there is room when c has left as well"


def test_owners_have_separate_limits(connection: Redis) -> None:
    for owner in ("ada", "bob", "a:b\\*", "é"):
        for n in range(5):
            attempt(connection, f"{len(owner)}-{owner[0].encode().hex()}-{n}", owner=owner)
    assert waiting(connection) == 20
    rejection(lambda: attempt(connection, "one-more"))


def test_jobs_without_owner_are_not_limited(connection: Redis) -> None:
    attempt(connection, *(f"job-{n}" for n in range(50)), owner=None)
    assert waiting(connection) == 50


def test_zero_means_no_limit(connection: Redis) -> None:
    attempt(connection, *(f"job-{n}" for n in range(50)), limits=OwnerLimits())
    assert waiting(connection) == 50


def test_dead_and_cleared_jobs_make_room(connection: Redis, inline: QctlWorker) -> None:
    job = NewJob("dies", "fail", "support.jobs.fail", "work", {}, timeout=60, owner="ada")
    enqueue.create(connection, [job], limits=LIMITS, actor="me", retry_seconds=2.0)
    inline.work(burst=True)
    assert connection.hget(keys.job("dies"), "status") == b"failed"
    attempt(connection, *(f"job-{n}" for n in range(5)))
    rejection(lambda: attempt(connection, "more"))
    trash.clear(connection, "work", actor="me", ttl=60, progress=lambda *_: None)
    attempt(connection, "x", "y")
    trash.purge(connection, "work", actor="me", progress=lambda *_: None)
    only_active = OwnerLimits(active=5)
    attempt(connection, *(f"new-{n}" for n in range(5)), limits=only_active)
    assert waiting(connection) == 5


def test_delayed_jobs_are_active(connection: Redis) -> None:
    attempt(connection, *(f"job-{n}" for n in range(5)), delay=60)
    rejection(lambda: attempt(connection, "more"))


def test_repeated_call_does_not_count(connection: Redis) -> None:
    for _ in range(20):
        attempt(connection, "same")
    for _ in range(20):
        rejection(lambda: attempt(connection, "a", "b", "c", "d", "e"))
    attempt(connection, "f", "g", "h", "i")
    assert waiting(connection) == 5


def test_call_is_created_completely_or_not_at_all(connection: Redis) -> None:
    rejection(lambda: attempt(connection, *(f"job-{n}" for n in range(6))))
    assert waiting(connection) == 0
    assert not connection.exists(keys.owner_active("ada"))


def test_concurrent_burst_stays_below_limit(redis_server: RedisServer) -> None:
    """A check and a later creation would let a burst through; here both are one step."""
    clients = [redis_server.connect() for _ in range(20)]

    def burst(n: int) -> bool:
        try:
            attempt(clients[n % 20], f"job-{n}")
        except RateLimitedError:
            return False
        return True

    with ThreadPoolExecutor(20) as pool:
        passed = sum(pool.map(burst, range(200)))
    assert passed == waiting(clients[0]) == 5
    assert sum(owner_limits.rejection_counts(clients[0]).values()) == 195
    for client in clients:
        client.close()
