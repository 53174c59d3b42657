"""What an owner may do: the fourth seed document's two limits, right however many producers there are."""

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
from qctl.broker.producer.owner_limits import Limits
from qctl.broker.redis import keys
from qctl.broker.worker.inline_worker import InlineWorker
from qctl.errors import RateLimitedError, RefusedError
from support.servers import RedisServer

SEED = Limits(per_minute=10, active=5)


def attempt(connection: Redis, *ids: str, owner: str | None = "ada", allowed: Limits = SEED, **how: Any) -> None:
    jobs = [NewJob(id_, "give", "support.jobs.give", "work", {}, timeout=60, owner=owner) for id_ in ids]
    enqueue.create(connection, jobs, allowed=allowed, actor="me", patience=2.0, **how)


def refusal(act: Callable[[], None]) -> RateLimitedError:
    with pytest.raises(RateLimitedError) as caught:
        act()
    return caught.value


def waiting(connection: Redis) -> int:
    return int(connection.llen(keys.queue("work")))


def test_five_may_be_active_and_the_sixth_is_refused(connection: Redis, inline: InlineWorker) -> None:
    for n in range(5):
        attempt(connection, f"job-{n}")
    error = refusal(lambda: attempt(connection, "job-5"))
    assert error.message == "Rate limit exceeded. Maximum 5 active jobs allowed."
    assert error.retry_after is None
    assert isinstance(error, RefusedError)
    assert waiting(connection) == 5
    inline.work(burst=True, max_jobs=1)
    attempt(connection, "job-6")
    assert owner_limits.refused(connection) == {"rate": 0, "active": 1}


def test_ten_may_be_created_in_a_minute(connection: Redis) -> None:
    only_rate = Limits(per_minute=10)
    for n in range(10):
        attempt(connection, f"job-{n}", allowed=only_rate)
    error = refusal(lambda: attempt(connection, "job-10", allowed=only_rate))
    assert error.retry_after in range(50, 61)
    assert error.message == (f"Maximum 10 job creation attempts per minute. Try again in {error.retry_after} seconds.")
    assert waiting(connection) == 10
    assert owner_limits.refused(connection) == {"rate": 1, "active": 0}


def test_the_window_slides(connection: Redis) -> None:
    only_rate = Limits(per_minute=3)
    attempt(connection, "a", "b", "c", allowed=only_rate)
    now = time.time() * 1000
    connection.zadd(keys.owner_created("ada"), {"a": now - 61_000, "b": now - 58_000, "c": now - 30_000})
    attempt(connection, "d", allowed=only_rate)
    error = refusal(lambda: attempt(connection, "e", allowed=only_rate))
    assert error.retry_after in (1, 2), "b is the next to leave the window"
    error = refusal(lambda: attempt(connection, "e", "f", allowed=only_rate))
    assert error.retry_after in range(25, 31), "for two there is room when c has left as well"


def test_owners_do_not_disturb_each_other(connection: Redis) -> None:
    for owner in ("ada", "bob", "a:b\\*", "é"):
        for n in range(5):
            attempt(connection, f"{len(owner)}-{owner[0].encode().hex()}-{n}", owner=owner)
    assert waiting(connection) == 20
    refusal(lambda: attempt(connection, "one-more"))


def test_what_has_no_owner_is_not_limited(connection: Redis) -> None:
    attempt(connection, *(f"job-{n}" for n in range(50)), owner=None)
    assert waiting(connection) == 50


def test_zero_is_without_a_limit(connection: Redis) -> None:
    attempt(connection, *(f"job-{n}" for n in range(50)), allowed=Limits())
    assert waiting(connection) == 50


def test_what_ended_dead_or_was_cleared_makes_room(connection: Redis, inline: InlineWorker) -> None:
    job = NewJob("dies", "fail", "support.jobs.fail", "work", {}, timeout=60, owner="ada")
    enqueue.create(connection, [job], allowed=SEED, actor="me", patience=2.0)
    inline.work(burst=True)
    assert connection.hget(keys.job("dies"), "status") == b"failed"
    attempt(connection, *(f"job-{n}" for n in range(5)))
    refusal(lambda: attempt(connection, "more"))
    trash.clear(connection, "work", actor="me", ttl=60, progress=lambda *_: None)
    attempt(connection, "x", "y")
    trash.purge(connection, "work", actor="me", progress=lambda *_: None)
    only_active = Limits(active=5)
    attempt(connection, *(f"new-{n}" for n in range(5)), allowed=only_active)
    assert waiting(connection) == 5


def test_what_is_delayed_is_active(connection: Redis) -> None:
    attempt(connection, *(f"job-{n}" for n in range(5)), delay=60)
    refusal(lambda: attempt(connection, "more"))


def test_the_same_call_again_costs_nothing(connection: Redis) -> None:
    for _ in range(20):
        attempt(connection, "same")
    for _ in range(20):
        refusal(lambda: attempt(connection, "a", "b", "c", "d", "e"))
    attempt(connection, "f", "g", "h", "i")
    assert waiting(connection) == 5


def test_all_of_a_call_or_nothing(connection: Redis) -> None:
    refusal(lambda: attempt(connection, *(f"job-{n}" for n in range(6))))
    assert waiting(connection) == 0
    assert not connection.exists(keys.owner_active("ada"))


def test_two_hundred_at_once_stay_below(redis_server: RedisServer) -> None:
    """The original counts first and creates later: a burst passes it."""
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
    assert sum(owner_limits.refused(clients[0]).values()) == 195
    for client in clients:
        client.close()
