"""Test the environments with other releases of RQ: each has the release that was asked for, and is made once."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from support.rq_versions import RELEASES


@pytest.mark.parametrize("release", RELEASES)
def test_environment_has_the_release_and_is_made_once(rq_python: Callable[..., Path], release: str) -> None:
    python = rq_python(release)
    code = "import importlib.metadata as m, rq.worker; print(m.version('rq'))"
    assert subprocess.check_output([python, "-c", code], text=True).strip() == release
    made = python.lstat().st_ctime_ns
    assert rq_python(release) == python
    assert python.lstat().st_ctime_ns == made
