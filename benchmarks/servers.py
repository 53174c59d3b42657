"""The servers of a benchmark: the tests' servers, which die with the process that started them."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from redis import Redis

from support.servers import RedisServer


@contextmanager
def private_redis(*options: str) -> Iterator[RedisServer]:
    """A redis-server in a temporary folder, whose log is synced before each answer unless an option says otherwise."""
    with tempfile.TemporaryDirectory(prefix="qctl-benchmark-") as folder:
        server = RedisServer(Path(folder), *options)
        with server:
            yield server


@contextmanager
def unlogged_redis() -> Iterator[tuple[str, Redis]]:
    """One that writes nothing to the disk: the path of its socket, and a client."""
    with private_redis("--appendonly", "no") as server, server.connect() as client:
        yield str(server.socket), client
