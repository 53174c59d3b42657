"""What a person sees of a bulk act that goes on."""

from __future__ import annotations

import io
import time

import pytest
from rich.console import Console

from qctl.cli.progress_bar import drawn


def seen(width: int, *steps: tuple[int, int | None]) -> str:
    """The last that was drawn."""
    screen = io.StringIO()
    console = Console(file=screen, width=width, force_terminal=True, color_system=None)
    with drawn("clearing sensor-data", console) as told:
        for done, total in steps:
            time.sleep(0.05)  # a rate is that of some time
            told(done, total)
    drawings = screen.getvalue().replace("\x1b[2K", "\n").splitlines()
    return [line for line in drawings if "clear" in line][-1].rstrip()


def test_it_tells_how_many_how_fast_and_how_long_still() -> None:
    shown = seen(80, (1_000, 1_000_000), (20_000, 1_000_000), (400_000, 1_000_000))
    name, what, bar, count, rate, left = shown.split()
    assert (name, what, count) == ("clearing", "sensor-data", "400,000/1,000,000")
    assert set(bar) <= set("━╸╺ ")
    assert rate.endswith("/s")
    assert float(rate[:-2].replace(",", "")) > 0
    assert left.count(":") == 2
    assert "-" not in left


def test_while_nobody_knows_of_how_many() -> None:
    assert "300/? " in seen(80, (100, None), (300, None))


@pytest.mark.parametrize("width", [20, 40])
def test_on_a_narrow_screen_the_count_is_what_stays(width: int) -> None:
    shown = seen(width, (1, 2), (2, 2))
    assert shown.startswith("2/2 clear")
    assert len(shown) <= width
