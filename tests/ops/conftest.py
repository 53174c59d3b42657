"""Fixture: `Ops` on the shared Redis."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from qctl.ops import Ops
from qctl.settings import Settings


@pytest.fixture
def ops(settings: Settings) -> Iterator[Ops]:
    """`Ops` on `redis_server`, with a connection of its own."""
    operations = Ops(settings)
    yield operations
    operations.close()
