"""Fixtures for daemons as programs."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from support.process import Program

BIN = Path(sys.executable).parent
TESTS = Path(__file__).parents[1]


@pytest.fixture
def make_worker(tmp_path: Path) -> Callable[..., Program]:
    """Makes `qctl-worker` with arguments, allowed to run `support.jobs.*`."""

    def make(
        url: str, *arguments: str, says: str = "takes jobs from", name: str = "qctl-worker", **env: str
    ) -> Program:
        env = {
            "REDIS_URL": url,
            "QCTL_HOME": str(tmp_path),
            "QCTL_ALLOWED_JOBS": "support.jobs.*",
            "PYTHONPATH": str(TESTS),
            "LOG_FORMAT": "text",
            **env,
        }
        return Program(name, [str(BIN / "qctl-worker"), *arguments], tmp_path, env=env, says=says)

    return make
