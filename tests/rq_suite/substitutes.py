"""A pytest plugin that replaces RQ's queue and workers by qctl's before RQ's tests import them."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
import rq.cli
import rq.scheduler
import rq.serializers
import rq.worker.base

from qctl import toml
from qctl.broker.worker.pausable_queue import PausableQueue

KIND = os.environ["RQ_SUITE_KIND"]
PORT = int(os.environ["RQ_SUITE_PORT"])
DEFAULT_PORT = 6379
TEST_TIMEOUT_SECONDS = 45.0
"""Time (s) that a test may take."""
EXCEPTIONS = Path(__file__).with_name("exceptions.toml")


def use_private_redis() -> None:
    """Connect RQ's tests, which use the Redis at the default port, to ours."""
    connect = redis.Connection.__init__

    def init(
        self: redis.Connection, host: str = "localhost", port: int = DEFAULT_PORT, *args: Any, **options: Any
    ) -> None:
        connect(self, host, PORT if port == DEFAULT_PORT else port, *args, **options)

    redis.Connection.__init__ = init


def substitute() -> None:
    """Replace the classes of this kind in every module of RQ."""
    if KIND == "stock":
        return
    stand_ins: dict[type, type] = {rq.Queue: PausableQueue}
    if KIND != "queue":
        from as_rq import ForkStandIn, InlineStandIn

        stand_ins |= {rq.Worker: ForkStandIn if KIND == "fork" else InlineStandIn, rq.SimpleWorker: InlineStandIn}
        # qctl's workers read only JSON, so RQ writes JSON by default here.
        rq.serializers.DefaultSerializer.dumps = rq.serializers.JSONSerializer.dumps
        rq.serializers.DefaultSerializer.loads = rq.serializers.JSONSerializer.loads
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] == "rq":
            for word, value in list(vars(module).items()):
                if isinstance(value, type) and value in stand_ins:
                    setattr(module, word, stand_ins[value])
    rq.worker.base.BaseWorker.queue_class = PausableQueue


def pytest_configure(config: pytest.Config) -> None:
    for name in ("slow", "ssl_test"):
        config.addinivalue_line("markers", name)
    use_private_redis()
    substitute()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark the cases that cannot pass. A name that does not exist is an error, unless only some tests were selected."""
    by_name = {item.nodeid.removeprefix("tests/"): item for item in items}
    files = {item.path.name for item in items}
    wrong = []
    for group in toml.read_toml(EXCEPTIONS)["exception"]:
        if KIND not in group["kinds"]:
            continue
        mark = pytest.mark.xfail(reason=group["reason"].strip(), strict=True, run=group.get("run", True))
        for name in group["cases"]:
            if name in by_name:
                by_name[name].add_marker(mark)
            elif name.partition("::")[0] in files and not config.getoption("keyword"):
                wrong.append(name)
    if wrong:
        raise pytest.UsageError(f"{EXCEPTIONS.name} names tests that RQ does not have: {', '.join(wrong)}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Iterator[None]:
    """End a test that takes too long. pytest-timeout uses the alarm signal, which RQ's own time-outs use too."""

    def stop(*_: Any) -> None:
        pytest.fail(
            f"it took longer than {TEST_TIMEOUT_SECONDS:.0f} s"
        )  # no TimeoutError, which redis-py would make its own

    signal.signal(signal.SIGUSR1, stop)
    timer = threading.Timer(TEST_TIMEOUT_SECONDS, os.kill, (os.getpid(), signal.SIGUSR1))
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_teardown() -> None:
    """End the thread that renews the queue's lease, because RQ's tests expect an empty database."""
    claimant, PausableQueue._claimant = PausableQueue._claimant, None
    PausableQueue._finished = None
    if claimant is not None:
        claimant.lease.stop()
    with redis.Redis() as client:
        client.flushall()


def pytest_unconfigure() -> None:
    """Kill workers that a failed test left, because Python would wait for them for ever."""
    for process in multiprocessing.active_children():
        process.kill()
