"""Progress is drawn on a terminal at stderr, and only if an action takes a while: stdout holds results alone."""

from __future__ import annotations

import sys
from io import StringIO

import pytest

from qctl.cli import progress_bar
from qctl.cli.output import Output


class Terminal(StringIO):
    """Text that says that it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def streams(monkeypatch: pytest.MonkeyPatch) -> tuple[Terminal, Terminal]:
    """Stdout and stderr, both terminals."""
    out, err = Terminal(), Terminal()
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", err)
    monkeypatch.setenv("TERM", "xterm")
    return out, err


def test_a_short_action_draws_nothing(streams: tuple[Terminal, Terminal], monkeypatch: pytest.MonkeyPatch) -> None:
    out, err = streams
    assert progress_bar.DELAY_SECONDS == 0.5
    monkeypatch.setattr(progress_bar, "DELAY_SECONDS", 3600)
    with Output().progress("moving") as update:
        update(1, 9)
    assert (out.getvalue(), err.getvalue()) == ("", "")


def test_without_a_terminal_at_stderr_there_is_no_progress(
    streams: tuple[Terminal, Terminal], monkeypatch: pytest.MonkeyPatch
) -> None:
    out, _ = streams
    monkeypatch.setattr(progress_bar, "DELAY_SECONDS", 0.0)
    err = StringIO()
    monkeypatch.setattr(sys, "stderr", err)
    with Output().progress("moving") as update:
        update(1, 9)
    assert (out.getvalue(), err.getvalue()) == ("", "")
