"""The prerendered page of `qctl --help` equals the rendered one."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cli.conftest import Ran
from qctl.cli import help_page

Qctl = Callable[..., Ran]

PROGRAM = str(Path(sys.executable).with_name("qctl"))


@pytest.mark.parametrize("columns", [80, 200])
def test_page_equals_the_rendered_help(columns: int, qctl: Qctl, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    assert Path(help_page.PAGE).read_text(encoding="utf-8") == qctl("--help").out, "run `make completions`"


@pytest.mark.parametrize(("columns", "printed"), [("80", True), ("", True), ("79", False), ("20", False)])
def test_page_is_printed_on_wide_terminals_only(
    columns: str, printed: bool, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    for request in help_page.REQUESTS:
        assert help_page.print_page(request) == (0 if printed else None)
        assert bool(capsys.readouterr().out) == printed


@pytest.mark.parametrize("line", [[], ["help", "stats"], ["--help", "stats"], ["stats", "--help"], ["--debug"]])
def test_page_is_printed_for_help_alone(line: list[str]) -> None:
    assert help_page.print_page(line) is None


def test_page_is_printed_without_imports() -> None:
    code = "import sys; sys.argv = ['qctl', '--help']; from qctl.cli.entry import main; main(); print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert "EXIT CODES" in run.stdout
    assert not {"typer", "redis", "qctl.settings"} & set(run.stdout.splitlines()[-1].split())


@pytest.mark.parametrize(("columns", "longest"), [("80", 80), ("70", 70)])
def test_program_prints_help_at_the_width_of_the_terminal(columns: str, longest: int) -> None:
    run = subprocess.run(
        [PROGRAM, "--help"], env={**os.environ, "COLUMNS": columns}, capture_output=True, text=True, check=True
    )
    assert "Inspect, pause, clear and repair RQ queues on Redis." in run.stdout
    assert max(map(len, run.stdout.splitlines())) <= longest


def test_closed_stdout_exits_141() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    run = subprocess.run([PROGRAM, "--help"], stdout=writing, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writing)
    assert (run.returncode, run.stderr) == (141, "")


def test_help_prints_on_ascii_terminals() -> None:
    env = {**os.environ, "PYTHONIOENCODING": "ascii", "COLUMNS": "80"}
    run = subprocess.run([PROGRAM, "--help"], env=env, capture_output=True, text=True, check=True)
    assert "EXIT CODES" in run.stdout
