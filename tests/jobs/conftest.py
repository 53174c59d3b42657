"""Jobs of pipelines run in this process as in a worker's of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from qctl.jobs import batches
from qctl.settings import Settings


@pytest.fixture(autouse=True)
def new_process(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], None]]:
    """Nothing is kept from the test before; the environment leads to this test's Redis and folder. Call it to have
    settings read and sinks made anew."""

    def forget() -> None:
        batches._settings.cache_clear()
        batches._sink.cache_clear()

    monkeypatch.setenv("QCTL_HOME", str(settings.home))
    monkeypatch.setenv("REDIS_URL", settings.redis_target)
    forget()
    yield forget
    forget()
