"""One frame without a terminal."""

from __future__ import annotations

from typing import Any

import pytest

from qctl.errors import RedisUnreachableError, UsageError
from qctl.tui import snapshot
from qctl.tui.app import Monitor
from tui.fake import MonitorOps


def frame(digit: str, size: tuple[int, int] = (80, 24), **answers: Any) -> tuple[str, str]:
    ops: Any = MonitorOps(**answers)
    return snapshot.take(Monitor(ops, ops, target="redis://localhost:6379/0"), digit, size)


@pytest.mark.parametrize(
    ("digit", "seen"), [("1", "quarantine"), ("2", "sensor-data"), ("4", "Traceback"), ("6", "w1")]
)
def test_a_frame_holds_what_the_screen_reads(digit: str, seen: str) -> None:
    text, picture = frame(digit)
    assert seen in text
    assert len(text.splitlines()) == 24
    assert all(line == line.rstrip() for line in text.splitlines())
    assert picture.startswith("<svg")


def test_a_wide_frame_has_the_details() -> None:
    assert "waiting jobs by name" in frame("2", (120, 40))[0]


def test_a_redis_that_is_away_is_an_error() -> None:
    def gone() -> Any:
        raise RedisUnreachableError("Redis does not answer")

    with pytest.raises(RedisUnreachableError):
        frame("2", stats__read=lambda *_: gone())


@pytest.mark.parametrize("text", ["", "80", "80x", "x24", "-1x24", "80x5", "9" * 400 + "x24", "80x24x3", "8²x24"])
def test_a_size_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is not COLUMNSxLINES"):
        snapshot.parse_size(text)


def test_a_size_is_columns_and_lines() -> None:
    assert snapshot.parse_size("120x40") == (120, 40)
