"""Fixtures of job tests: job functions run in this process as they do in a worker process."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from qctl.jobs import batches
from qctl.settings import Settings
from qctl.sinks.base import ReopeningSink, Sink


@pytest.fixture(autouse=True)
def new_process(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], None]]:
    """Point the environment to this test's Redis and folder, and reset what jobs cache. Call it to reload settings and
    sinks; it closes the sinks."""

    made: list[ReopeningSink] = []

    def make(sink: Sink) -> ReopeningSink:
        made.append(ReopeningSink(sink))
        return made[-1]

    def reset_caches() -> None:
        for sink in made:
            sink.close()
        made.clear()
        batches._settings.cache_clear()
        batches._sink.cache_clear()

    monkeypatch.setenv("QCTL_HOME", str(settings.home))
    monkeypatch.setenv("REDIS_URL", settings.redis_target)
    monkeypatch.setattr(batches, "ReopeningSink", make)
    reset_caches()
    yield reset_caches
    reset_caches()
