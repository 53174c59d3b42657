"""Ctrl-C while the program is being imported and while it runs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from support.waiting import PATIENCE_SECONDS

PROGRAM = str(Path(sys.executable).with_name("qctl"))

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(tmp_path: Path) -> Start:
    """Start `qctl` with a fake `module` that prints `there` and sleeps when it is imported."""

    def start_process(module: str, *arguments: str, ignoring: bool = False) -> subprocess.Popen[str]:
        (tmp_path / f"{module}.py").write_text("import time\nprint('there', flush=True)\ntime.sleep(60)\n")
        command = [PROGRAM, *arguments]
        return subprocess.Popen(
            ["env", "--ignore-signal=INT", *command] if ignoring else command,
            env={**os.environ, "PYTHONPATH": str(tmp_path)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return start_process


def interrupt(running: subprocess.Popen[str]) -> tuple[int, str]:
    assert running.stdout is not None
    assert running.stdout.readline() == "there\n"
    running.send_signal(signal.SIGINT)
    _, err = running.communicate(timeout=PATIENCE_SECONDS)
    return running.returncode, err


@pytest.mark.parametrize("module", ["typer", "dotenv", "redis"])
def test_ctrl_c_during_import_exits_130(module: str, start: Start, tmp_path: Path) -> None:
    """typer is imported first, dotenv with the settings, redis with a command."""
    (tmp_path / ".env").write_text("LOG_LEVEL=info\n")
    assert interrupt(start(module, "stats")) == (130, "qctl: interrupted\n")


def test_ignored_sigint_stays_ignored(start: Start) -> None:
    running = start("typer", ignoring=True)
    assert running.stdout is not None
    assert running.stdout.readline() == "there\n"
    running.send_signal(signal.SIGINT)
    with pytest.raises(subprocess.TimeoutExpired):
        running.wait(0.3)
    running.kill()
    running.communicate()


def test_signal_handler_is_set_before_imports() -> None:
    code = "import sys, qctl.cli.entry; print(*[name for name in sys.modules if name.startswith('qctl')])"
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert run.stdout.split() == ["qctl", "qctl.cli", "qctl.cli.entry"]
