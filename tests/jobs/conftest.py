"""Fixtures of job tests: job functions run in this process as they do in a worker process."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from qctl.jobs import batches
from qctl.settings import Settings


@pytest.fixture(autouse=True)
def new_process(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], None]]:
    """Point the environment to this test's Redis and folder, and reset what jobs cache. Call it to reload settings and
    sinks."""

    def reset_caches() -> None:
        batches._settings.cache_clear()
        batches._sink.cache_clear()

    monkeypatch.setenv("QCTL_HOME", str(settings.home))
    monkeypatch.setenv("REDIS_URL", settings.redis_target)
    reset_caches()
    yield reset_caches
    reset_caches()
