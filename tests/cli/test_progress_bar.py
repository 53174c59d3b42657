"""Progress bar of bulk actions."""

from __future__ import annotations

import io
import time

import pytest
from rich.console import Console

from qctl.cli.progress_bar import progress_bar


def last_line(width: int, *steps: tuple[int, int | None]) -> str:
    """Return the last line that was drawn."""
    screen = io.StringIO()
    console = Console(file=screen, width=width, force_terminal=True, color_system=None)
    with progress_bar("clearing sensor-data", console) as update:
        for _ in range(1_000):
            if "clear" in screen.getvalue():
                break
            time.sleep(0.01)
        for done, total in steps:
            time.sleep(0.05)  # a rate needs a time span
            update(done, total)
    lines = screen.getvalue().replace("\x1b[2K", "\n").splitlines()
    return [line for line in lines if "clear" in line][-1].rstrip()


def test_short_action_shows_no_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qctl.cli.progress_bar.DELAY_SECONDS", 3600)
    screen = io.StringIO()
    with progress_bar("clearing sensor-data", Console(file=screen, width=80, force_terminal=True)) as update:
        update(2, 2)
    assert screen.getvalue() == ""


def test_bar_shows_count_rate_and_remaining_time() -> None:
    shown = last_line(80, (1_000, 1_000_000), (20_000, 1_000_000), (400_000, 1_000_000))
    verb, queue, bar, count, rate, left = shown.split()
    assert (verb, queue, count) == ("clearing", "sensor-data", "400,000/1,000,000")
    assert set(bar) <= set("━╸╺ ")
    assert rate.endswith("/s")
    assert float(rate[:-2].replace(",", "")) > 0
    assert left.count(":") == 2
    assert "-" not in left


def test_unknown_total_is_a_question_mark() -> None:
    assert "300/? " in last_line(80, (100, None), (300, None))


@pytest.mark.parametrize("width", [20, 40])
def test_narrow_terminal_shows_only_the_count(width: int) -> None:
    shown = last_line(width, (1, 2), (2, 2))
    assert shown.startswith("2/2 clear")
    assert len(shown) <= width
