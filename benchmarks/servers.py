"""The servers of a benchmark: the tests' servers, which die with the process that started them."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from redis import Redis

from qctl.broker.query.server_setup import MEMORY_OPTIONS
from support.servers import RedisServer

COMPACT = tuple(part for name, size in MEMORY_OPTIONS.items() for part in (f"--{name}", str(size)))
"""Options of memory with which `qctl up` starts Redis."""


@contextmanager
def private_redis(*options: str) -> Iterator[RedisServer]:
    """A redis-server in a temporary folder, whose log is synced before each answer unless an option says otherwise."""
    with tempfile.TemporaryDirectory(prefix="qctl-benchmark-") as folder:
        server = RedisServer(Path(folder), *options)
        with server:
            yield server


@contextmanager
def unlogged_redis() -> Iterator[tuple[str, Redis]]:
    """One with the memory options of `qctl up`, which writes no log: the path of its socket, and a client."""
    with private_redis("--appendonly", "no", *COMPACT) as server, server.connect() as client:
        yield str(server.socket), client
