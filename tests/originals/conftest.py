"""Fixtures: `qctl up` with the documented settings of each replaced system."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import psutil
import pytest

from conftest import _serve
from support.browser import Chromium
from support.originals import Original
from support.up import gone

MakeOriginal = Callable[..., Original]


@pytest.fixture
def make_original(tmp_path: Path) -> Iterator[MakeOriginal]:
    """Makes `qctl up` processes that end with the test. Keyword arguments are further lines of `.env`."""
    made: list[Original] = []

    def make(profile: str, addresses: Mapping[str, str], **more: str) -> Original:
        folder = tmp_path / f"{profile}{len(made)}"
        folder.mkdir()
        made.append(Original(folder, profile, addresses, **more))
        return made[-1]

    yield make
    for original in made:
        family = psutil.Process(original.pid).children(recursive=True) if original.running else []
        original.end()
        assert gone(family)


@pytest.fixture
def chromium(tmp_path: Path) -> Iterator[Chromium]:
    """A browser."""
    yield from _serve(lambda: Chromium(tmp_path))
