"""Fixtures of the broker's tests: queues that qctl's workers read, and workers that may run `support.jobs.*`."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from redis import Redis
from rq.queue import Queue
from rq.serializers import JSONSerializer

from qctl.broker.worker.claims import Claimant
from qctl.broker.worker.rq_adapter import QctlWorker
from qctl.settings import Settings


@pytest.fixture
def queue(connection: Redis) -> Queue:
    """The queue `work`, with JSON payloads."""
    return Queue("work", connection=connection, serializer=JSONSerializer)


@pytest.fixture
def worker_settings(make_settings: Callable[..., Settings]) -> Settings:
    """Settings under which workers may run the functions of `support.jobs`."""
    return make_settings(QCTL_ALLOWED_JOBS="support.jobs.*")


@pytest.fixture(params=["inline", "fork"])
def worker(request: pytest.FixtureRequest, connection: Redis, worker_settings: Settings) -> QctlWorker:
    """A worker of `work`, of both kinds."""
    return QctlWorker(["work"], connection, worker_settings, request.param)


@pytest.fixture
def inline(connection: Redis, worker_settings: Settings) -> QctlWorker:
    """An inline worker of `work`."""
    return QctlWorker(["work"], connection, worker_settings, "inline")


@pytest.fixture
def claimant(connection: Redis) -> Iterator[Claimant]:
    """A claimant, whose lease is not renewed."""
    claimant = Claimant(connection)
    yield claimant
    claimant.lease.stop()
