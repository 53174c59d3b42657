"""Fixtures of gateway tests: gateways as processes, producers and operators."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from conftest import _serve
from qctl.ops import Ops
from qctl.service import QueueService
from qctl.settings import Settings
from support.browser import Chromium
from support.gateway import Gateway
from support.servers import RedisServer

MakeGateway = Callable[..., Gateway]

TESTS = Path(__file__).parents[1]


ADMIN_KEY = "the-admin-key-of-all-these-tests-of-2026"


@pytest.fixture(scope="module")
def _shared_gateway(_shared_redis: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp("gateway")
    with Gateway(folder, _shared_redis.url, QUEUE_ADMIN_KEY=ADMIN_KEY, UPLOAD_DIR=str(folder / "uploads")) as gateway:
        yield gateway


@pytest.fixture
def shared_gateway(_shared_gateway: Gateway, redis_server: RedisServer) -> Gateway:
    """A gateway shared by the tests of a module, on an empty Redis; its admin key is `ADMIN_KEY`."""
    assert _shared_gateway.running, _shared_gateway.output[-4000:]
    return _shared_gateway


@pytest.fixture
def make_gateway(tmp_path: Path, redis_server: RedisServer) -> Iterator[MakeGateway]:
    """Starts gateways. Keyword arguments are settings; `name` is that of the log file."""
    started: list[Gateway] = []

    def make(name: str = "gateway", redis_url: str = redis_server.url, **env: str) -> Gateway:
        jobs = {"QCTL_JOBS_MODULES": "support.declared", "PYTHONPATH": str(TESTS)}
        gateway = Gateway(tmp_path, redis_url, name=name, **{**jobs, **env})
        started.append(gateway)
        gateway.start()
        return gateway

    yield make
    for gateway in started:
        gateway.end()


@pytest.fixture
def chromium(tmp_path: Path) -> Iterator[Chromium]:
    """A browser."""
    yield from _serve(lambda: Chromium(tmp_path))


@pytest.fixture(scope="module")
def _any_job(tmp_path_factory: pytest.TempPathFactory, _shared_redis: RedisServer) -> Iterator[Gateway]:
    env = {"QCTL_JOBS_MODULES": "support.declared", "PYTHONPATH": str(TESTS), "GATEWAY_DEFAULT_JOB": "simulate"}
    with Gateway(tmp_path_factory.mktemp("gateway"), _shared_redis.url, **env) as gateway:
        yield gateway


@pytest.fixture
def gateway(_any_job: Gateway, redis_server: RedisServer) -> Gateway:
    """A gateway that accepts any job name, shared by the tests of a module, on an empty Redis. Each test needs its own
    users. It ends with the module, because it would process what other tests put into a buffer."""
    assert _any_job.running, _any_job.output[-4000:]
    return _any_job


@pytest.fixture
def service(settings: Settings) -> Iterator[QueueService]:
    """A service on this test's Redis."""
    with QueueService(settings) as service:
        yield service


@pytest.fixture
def ops(settings: Settings) -> Iterator[Ops]:
    """Operations on this test's Redis."""
    ops = Ops(settings)
    yield ops
    ops.close()
