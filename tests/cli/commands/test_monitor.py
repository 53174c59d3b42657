"""`qctl monitor --snapshot`: one frame without a terminal, and the options of the screens."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from cli.conftest import Ran
from tui.fake import MonitorOps

Qctl = Callable[..., Ran]


def test_a_frame_is_printed(qctl: Qctl) -> None:
    ran = qctl("monitor", "--snapshot", "--screen", "2", "--size", "80x24", ops=MonitorOps())
    assert ran.code == 0
    assert "sensor-data" in ran.out
    assert len(ran.out.splitlines()) == 24


def test_a_picture_is_written(qctl: Qctl, tmp_path: Path) -> None:
    file = tmp_path / "overview.svg"
    ran = qctl("monitor", "--snapshot", "--svg", str(file), ops=MonitorOps())
    assert (ran.code, ran.out) == (0, "")
    assert file.read_text().startswith("<svg")
    assert qctl("monitor", "--snapshot", "--svg", str(tmp_path / "no" / "x.svg"), ops=MonitorOps()).code != 0


@pytest.mark.parametrize(
    "arguments",
    [
        ("--snapshot", "--screen", "x"),
        ("--snapshot", "--screen", "12"),
        ("--snapshot", "--size", "80"),
        ("--snapshot", "--replay", "x"),
        ("--snapshot", "--record", "x"),
    ],
)
def test_wrong_options_are_refused(qctl: Qctl, arguments: tuple[str, ...]) -> None:
    ran = qctl("monitor", *arguments, ops=MonitorOps())
    assert ran.code == 2
    assert len(ran.err.splitlines()) <= 2


def test_an_unknown_theme_is_named_with_the_others(qctl: Qctl, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QCTL_THEME", "no-such")
    ran = qctl("monitor", "--snapshot", ops=MonitorOps())
    assert ran.code != 0
    assert "theme 'no-such' not found" in ran.err
    assert "nord" in ran.err
