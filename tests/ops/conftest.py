"""Ops on the shared Redis."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from qctl.ops import Ops
from qctl.settings import Settings


@pytest.fixture
def ops(settings: Settings) -> Iterator[Ops]:
    """Operations on `redis_server`, by a connection of their own."""
    operations = Ops(settings)
    yield operations
    operations.close()
