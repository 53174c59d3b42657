"""Small disks fill up, a namespace loses packets without telling anybody, and a clock steps."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from support.network import Namespace
from support.servers import MissingServerError, RedisServer
from support.small_disk import SmallDisk
from support.stepping_clock import SteppingClock
from support.waiting import eventually


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    """A file system of 4 MB."""
    try:
        with SmallDisk(tmp_path, 4) as disk:
            yield disk
    except MissingServerError as missing:
        pytest.skip(str(missing))


@pytest.fixture
def namespace() -> Iterator[Namespace]:
    """A network of its own."""
    try:
        with Namespace() as namespace:
            yield namespace
    except MissingServerError as missing:
        pytest.skip(str(missing))


def test_a_filled_disk_takes_no_byte_until_it_is_freed(disk: SmallDisk) -> None:
    disk.fill()
    with pytest.raises(OSError, match="No space left"):
        (disk.folder / "more").write_bytes(b"x")
    disk.free()
    (disk.folder / "more").write_bytes(b"x")


@pytest.mark.parametrize("mute", [False, True])
def test_packets_vanish_and_the_connection_stays(tmp_path: Path, namespace: Namespace, mute: bool) -> None:
    server = RedisServer(tmp_path, "--bind", "127.0.0.1", namespace.address, "--protected-mode", "no")
    server.command = [*namespace.prefix, *server.command]
    with server, server.connect() as inside:
        outside = redis.Redis(namespace.address, server.port, socket_timeout=1, retry=Retry(NoBackoff(), 0))
        outside.ping()
        (namespace.mute if mute else namespace.cut)()
        with pytest.raises(redis.TimeoutError):
            outside.incr("n")
        assert inside.get("n") == (b"1" if mute else None)
        assert len(inside.client_list(_type="normal")) == 2, "the server has heard of no end"
        namespace.join()
        outside.ping()
        outside.close()


def test_a_stepped_clock_is_redis_s_alone(tmp_path: Path) -> None:
    server = RedisServer(tmp_path)
    try:
        clock = SteppingClock(server)
    except MissingServerError as missing:
        pytest.skip(str(missing))
    with server, server.connect() as connection:
        for seconds in (-3600, 3600, 0):
            clock.step(seconds)
            eventually(
                lambda ahead=seconds: abs(connection.time()[0] - time.time() - ahead) < 30,
                what=f"a step of {seconds} s",
            )
