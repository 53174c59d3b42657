"""Fixtures that run command lines inside this process, on a fake `Ops`."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cli.fake import FakeOps
from cli.fake_systemd import FakeSystemd
from qctl.cli.main import run
from qctl.cli.session import Session
from qctl.settings import contexts


@dataclass(frozen=True)
class Ran:
    """Exit code and output of a command line."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output, parsed as JSON."""
        return json.loads(self.out)


@pytest.fixture(autouse=True)
def _contexts() -> None:
    """Create a context that commands may name."""
    contexts.config_file().parent.mkdir(parents=True)
    contexts.config_file().write_text('[contexts.prod]\nREDIS_HOST = "redis.example"\nQCTL_READ_ONLY = true\n')


@pytest.fixture(autouse=True)
def systemd(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeSystemd:
    """Replace systemd by a fake with two daemons, which writes its files to tmp_path."""
    fake = FakeSystemd()
    monkeypatch.setattr("qctl.systemd.programs.systemctl", fake.systemctl)
    monkeypatch.setattr("qctl.systemd.programs.journalctl", fake.journalctl)
    monkeypatch.setattr("qctl.systemd.manager.unit_folder", lambda _user: tmp_path / "systemd")
    return fake


@pytest.fixture
def qctl(capsys: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    """Run `qctl("stats", "--json", ops=FakeOps(...))` with a stdout that is no terminal."""

    def command(*arguments: str, ops: FakeOps | None = None) -> Ran:
        code = run(arguments, Session(ops or FakeOps()))  # type: ignore[arg-type]
        captured = capsys.readouterr()
        return Ran(code, captured.out, captured.err)

    return command
