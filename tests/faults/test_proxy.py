"""The proxy loses what it is told to lose, and only that."""

from __future__ import annotations

import time

import pytest
import redis
from redis import Redis

from support.proxy import Losing, Proxy
from support.servers import RedisServer


def client(proxy: Proxy) -> Redis:
    return Redis.from_url(proxy.redis_url, socket_timeout=0.5, retry=None)


def test_what_was_asked_for_is_done_though_the_reply_is_lost(redis_server: RedisServer) -> None:
    with Proxy(redis_server.port) as proxy, client(proxy) as through:
        through.ping()
        proxy.losing = Losing(reply_to=lambda data: b"INCR" in data)
        with pytest.raises(redis.ConnectionError):
            through.incr("n")
        assert through.get("n") == b"1"
        assert proxy.lost == 1


def test_a_swallowed_reply_leaves_the_connection(redis_server: RedisServer) -> None:
    with Proxy(redis_server.port) as proxy, client(proxy) as through:
        through.ping()
        proxy.losing = Losing(reply_to=lambda data: b"INCR" in data, silent=lambda _: True)
        with pytest.raises(redis.TimeoutError):
            through.incr("n")
        assert through.get("n") == b"1"


def test_a_lost_request_is_not_done(redis_server: RedisServer) -> None:
    with Proxy(redis_server.port) as proxy, client(proxy) as through:
        through.ping()
        proxy.losing = Losing(request=lambda data: b"INCR" in data)
        with pytest.raises(redis.ConnectionError):
            through.incr("n")
        proxy.heal()
        assert through.get("n") is None


def test_replies_come_late(redis_server: RedisServer) -> None:
    with Proxy(redis_server.port) as proxy, client(proxy) as through:
        through.ping()
        proxy.latency = 0.2
        began = time.monotonic()
        through.ping()
        assert time.monotonic() - began >= 0.2
