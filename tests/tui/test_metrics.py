"""The plots: in the theme's colours, as large as the screen, and of one queue or of all."""

from __future__ import annotations

import os
from typing import Any

import pytest
from textual.widgets import Static

from qctl.errors import NotFoundError
from qctl.tui.widgets.plot_content import plot_content
from qctl.view.plots import plot
from tui.driving import Driver, drive
from tui.fake import MonitorOps, measured


def frames(driver: Driver) -> list[tuple[int, int]]:
    """First and last column of each frame of a plot."""
    tops = [line for line in driver.lines if "┌─" in line]
    return sorted({(start, line.index("┐", start)) for line in tops for start in positions(line, "┌")})


def positions(line: str, letter: str) -> list[int]:
    return [place for place, found in enumerate(line) if found == letter]


@pytest.mark.parametrize(("size", "columns"), [((80, 24), 1), ((120, 40), 2), ((200, 60), 2)])
def test_the_plots_fill_the_width(size: tuple[int, int], columns: int) -> None:
    async def script(driver: Driver) -> None:
        await driver.press("8")
        await driver.until("p99")
        found = frames(driver)
        assert max(end for _, end in found) >= size[0] - 3
        assert max(end - start for start, end in found) <= size[0] // columns

    drive(MonitorOps(), script, size=size)


def test_the_share_of_failed_runs_is_left_out_of_a_short_screen() -> None:
    async def script(driver: Driver) -> None:
        await driver.press("8")
        await driver.until("p99")
        assert "failed runs" not in driver.text
        await driver._pilot.resize_terminal(120, 40)
        await driver.until("failed runs (%)")

    drive(MonitorOps(), script, size=(80, 24))


def test_one_queue_is_chosen_and_left_again() -> None:
    queried: list[tuple[str, ...]] = []

    def series(queues: tuple[str, ...] = (), **_: Any) -> Any:
        queried.append(tuple(queues))
        if queues == ("gone",):
            raise NotFoundError("queue 'gone' not found")
        return measured()

    async def script(driver: Driver) -> None:
        await driver.press("8")
        await driver.until("all queues")
        await driver.press("slash", *"report", "enter")
        await driver.until("the last 1 h, queue report")
        assert queried[-1] == ("report",)
        await driver.press("slash", *["backspace"] * 6, "enter")
        await driver.until("all queues")
        await driver.press("slash", *"gone", "enter")
        await driver.until("queue 'gone' not found")

    drive(MonitorOps(metrics__series=series), script, size=(120, 40))


def test_curves_have_colours_of_the_theme() -> None:
    steps = measured().steps
    curves = {"waiting": lambda step: step.depth, "failed": lambda step: step.failed}
    content = plot_content(plot("plot", steps, curves, 60, 12, colour=True))
    assert {str(span.style) for span in content.spans} == {"$text-primary", "$text-warning"}
    assert "\x1b" not in content.plain


def test_without_colours_markers_tell_the_curves_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, "NO_COLOR", "1")

    async def script(driver: Driver) -> None:
        await driver.press("8")
        await driver.until("oo p99")
        assert all(not str(span.style) for plot in driver.app.query("#runs").results(Static) for span in spans(plot))

    drive(MonitorOps(), script, size=(120, 40))


def spans(plot: Static) -> Any:
    return plot.content.spans  # type: ignore[union-attr]
