"""The socket batcher with the official JavaScript client: as documented, with and without answers, over outages."""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from support.batcher import Batcher
from support.ingest import items
from support.node import OLD, OfficialClient
from support.process import Program
from support.servers import RedisServer
from support.waiting import PATIENCE_SECONDS, eventually

MakeClient = Callable[..., OfficialClient]

TRANSPORTS = [["websocket"], ["polling"], ["polling", "websocket"]]


@pytest.fixture
def batcher(tmp_path: Path, own_redis: RedisServer) -> Iterator[Batcher]:
    """A batcher of a Redis of its own, which cuts nothing."""
    with Batcher(tmp_path, own_redis.url, BATCH_CHECK_INTERVAL="3600") as batcher:
        yield batcher


@pytest.fixture
def make_client(tmp_path: Path, batcher: Batcher, socketio_client: Path) -> Iterator[MakeClient]:
    """Makes and starts clients; it returns when they are connected."""
    made: list[Program] = []

    def make(count: int, **options: Any) -> OfficialClient:
        made.append(OfficialClient(tmp_path, batcher.url, f"m{len(made)}", count, **options))
        made[-1].start()
        return made[-1]

    yield make
    for client in made:
        client.end()


def arrived(redis: RedisServer) -> Counter[str]:
    """Copies of each message."""
    connection: Redis = redis.connect()
    try:
        return Counter(item["msg_id"] for item in items(connection, "messages"))
    finally:
        connection.close()


def ids(count: int, prefix: str = "m0") -> set[str]:
    """The ids of a client's messages."""
    return {f"{prefix}-{n}" for n in range(1, count + 1)}


@pytest.mark.parametrize("transports", TRANSPORTS, ids="-".join)
@pytest.mark.parametrize("style", ["silent", "callback", "timeout", "promise", "retries"])
def test_it_works_as_documented(
    own_redis: RedisServer, make_client: MakeClient, transports: list[str], style: str
) -> None:
    client = make_client(100, style=style, transports=transports)
    assert client.wait() == 0
    eventually(lambda: len(arrived(own_redis)) == 100)
    assert arrived(own_redis) == Counter(ids(100))
    answers = [each["content"] for each in client.tells("answer")]
    assert answers == ([] if style == "silent" else [{"ok": True, "msg_id": f"m0-{n}"} for n in range(1, 101)])
    assert [each["reason"] for each in client.tells("disconnect")] == ["io client disconnect"]


@pytest.mark.kill
@pytest.mark.parametrize("transports", TRANSPORTS, ids="-".join)
def test_without_answers_nothing_is_lost_while_redis_is_away(
    own_redis: RedisServer, batcher: Batcher, make_client: MakeClient, transports: list[str]
) -> None:
    client = make_client(1500, every=2, transports=transports)
    eventually(lambda: len(arrived(own_redis)) > 100, what="the first messages")
    own_redis.kill()
    eventually(lambda: client.tells("disconnect"), what="the client is sent away")
    assert not batcher.takes
    own_redis.restart()
    assert client.wait(PATIENCE_SECONDS) == 0
    eventually(lambda: len(arrived(own_redis)) == 1500)
    assert arrived(own_redis).keys() == ids(1500)
    away = client.tells("disconnect")[0]
    assert away["active"], "it connects again by itself"
    assert away["reason"] in ("transport error", "parse error")


@pytest.mark.kill
def test_retries_of_the_client_lose_nothing_while_redis_is_away(
    own_redis: RedisServer, batcher: Batcher, make_client: MakeClient
) -> None:
    client = make_client(300, style="retries", every=2, transports=["websocket"])
    eventually(lambda: len(arrived(own_redis)) > 10, what="the first messages")
    own_redis.kill()
    eventually(lambda: not batcher.takes)
    own_redis.restart()
    assert client.wait(PATIENCE_SECONDS) == 0
    eventually(lambda: len(arrived(own_redis)) == 300)
    assert arrived(own_redis).keys() == ids(300)


@pytest.mark.parametrize("transports", TRANSPORTS, ids="-".join)
def test_without_answers_nothing_is_lost_over_a_restart(
    own_redis: RedisServer, batcher: Batcher, make_client: MakeClient, transports: list[str]
) -> None:
    client = make_client(800, every=2, transports=transports)
    eventually(lambda: len(arrived(own_redis)) > 100, what="the first messages")
    assert batcher.stop() == 0
    batcher.start()
    assert client.wait(PATIENCE_SECONDS) == 0
    eventually(lambda: len(arrived(own_redis)) == 800)
    assert arrived(own_redis) == Counter(ids(800))


@pytest.mark.parametrize("transports", TRANSPORTS[:2], ids="-".join)
def test_an_old_client_is_sent_away_and_lives(
    own_redis: RedisServer, make_client: MakeClient, transports: list[str]
) -> None:
    client = make_client(400, every=10, version=OLD, transports=transports)
    eventually(lambda: len(arrived(own_redis)) > 20, what="the first messages")
    own_redis.send(signal.SIGKILL)
    own_redis.wait()
    eventually(lambda: client.tells("disconnect"), what="the client is sent away")
    own_redis.restart()
    assert client.wait(PATIENCE_SECONDS) == 0
    assert client.tells("disconnect")[0]["active"]
    eventually(lambda: "m0-400" in arrived(own_redis))
