"""Running a command line inside this process, on a fake `Ops`."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from cli.fake import FakeOps
from qctl.cli.main import run
from qctl.cli.session import Session
from qctl.settings import contexts


@dataclass(frozen=True)
class Ran:
    """What a command line did."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What it printed, read as JSON."""
        return json.loads(self.out)


@pytest.fixture(autouse=True)
def _contexts() -> None:
    """A context that commands may name."""
    contexts.config_file().parent.mkdir(parents=True)
    contexts.config_file().write_text('[contexts.prod]\nREDIS_HOST = "redis.example"\nQCTL_READ_ONLY = true\n')


@pytest.fixture
def qctl(capsys: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    """Runs `qctl("stats", "--json", ops=FakeOps(...))`. stdout is no terminal."""

    def command(*arguments: str, ops: FakeOps | None = None) -> Ran:
        code = run(arguments, Session(ops or FakeOps()))  # type: ignore[arg-type]
        captured = capsys.readouterr()
        return Ran(code, captured.out, captured.err)

    return command
