"""Fixtures of hostile cases: servers as processes, attacked over the network."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from qctl.ops import Ops
from qctl.settings import Settings
from support.gateway import Gateway
from support.servers import RedisServer

MakeGateway = Callable[..., Gateway]

TESTS = Path(__file__).parents[1]


@pytest.fixture
def make_gateway(tmp_path: Path, redis_server: RedisServer) -> Iterator[MakeGateway]:
    """Starts gateways on this test's Redis. Keyword arguments are settings."""
    started: list[Gateway] = []

    def make(name: str = "gateway", **env: str) -> Gateway:
        gateway = Gateway(tmp_path, redis_server.url, name=name, PYTHONPATH=str(TESTS), **env)
        started.append(gateway)
        gateway.start()
        return gateway

    yield make
    for gateway in started:
        gateway.end()


@pytest.fixture
def ops(settings: Settings) -> Iterator[Ops]:
    """Operations on this test's Redis and users."""
    ops = Ops(settings)
    yield ops
    ops.close()
