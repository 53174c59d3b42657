"""What the broker's tests share: queues that qctl's workers read, and workers that may run `support.jobs.*`."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from redis import Redis
from rq.queue import Queue
from rq.serializers import JSONSerializer

from qctl.broker.worker.base import QctlWorker
from qctl.broker.worker.claims import Claimant
from qctl.broker.worker.fork_worker import ForkWorker
from qctl.broker.worker.inline_worker import InlineWorker
from qctl.settings import Settings


@pytest.fixture
def queue(connection: Redis) -> Queue:
    """The queue `work`, with JSON payloads."""
    return Queue("work", connection=connection, serializer=JSONSerializer)


@pytest.fixture
def worker_settings(make_settings: Callable[..., Settings]) -> Settings:
    """Settings under which workers may run the functions of `support.jobs`."""
    return make_settings(QCTL_ALLOWED_JOBS="support.jobs.*")


@pytest.fixture(params=[InlineWorker, ForkWorker])
def worker(request: pytest.FixtureRequest, connection: Redis, worker_settings: Settings) -> QctlWorker:
    """A worker of `work`, of both kinds."""
    made: QctlWorker = request.param(["work"], connection, worker_settings)
    return made


@pytest.fixture
def inline(connection: Redis, worker_settings: Settings) -> InlineWorker:
    """An inline worker of `work`."""
    return InlineWorker(["work"], connection, worker_settings)


@pytest.fixture
def claimant(connection: Redis) -> Iterator[Claimant]:
    """Somebody who claims and holds a lease."""
    someone = Claimant(connection)
    yield someone
    someone.stop()
