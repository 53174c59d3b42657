"""A `qctl up` for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.up import MakeUp, Up, gone


@pytest.fixture
def make_up(tmp_path: Path) -> Iterator[MakeUp]:
    """Makes `qctl up` processes, ended with the test: `make_up({"one": ["steady"]}, MQTT_ENABLED="false")`."""
    made: list[Up] = []

    def make(daemons: dict[str, list[str]] | None, *options: str, **env: str) -> Up:
        folder = tmp_path / f"up{len(made)}"
        folder.mkdir()
        made.append(Up(folder, daemons, *options, **env))
        return made[-1]

    yield make
    for up in made:
        family = up.family() if up.running else []
        up.end()
        assert gone(family)
