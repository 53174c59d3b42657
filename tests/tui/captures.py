"""Snapshots of every page and some dialogs as pictures in three themes, at a fixed time."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import Any
from unittest.mock import patch

from rich.cells import cell_len
from textual.strip import Strip

from cli.fake import NOW
from tui.driving import Driver, drive
from tui.fake import MonitorOps, sites
from tui.screen_picture import ScreenPicture, draw, picture_of

FOLDER = Path(__file__).parent / "screens"

SIZES = ((80, 24), (120, 40), (200, 60))

THEMES = ("textual-dark", "textual-light", "nord")
"""The default, a light one, and one with tinted greys."""

SCREENS: dict[str, tuple[tuple[str, ...], str]] = {
    "1-overview": (("1",), "quarantine"),
    "2-queues": (("2",), "sensor-data"),
    "3-jobs": (("3",), "job-2"),
    "4-dead-letters": (("4",), "Traceback: ..."),
    "5-schedules": (("5",), "legacy"),
    "6-workers": (("6",), "w1"),
    "7-ingest": (("7", "7"), "sensors/hall"),
    "8-metrics": (("8", "8"), "p99"),
    "9-events": (("9",), "finished"),
    "audit": (("L",), "qctl clear"),
    "fleet": (("0",), "away"),
    "help": (("question_mark",), "Screens"),
    "pause": (("escape", "2", "down", "p"), "Reason"),
    "clear": (("escape", "C"), "Type report"),
    "new-job": (("escape", "a", "s", "t", "o", "c", "k", "enter"), "Enqueue"),
    "edit": (("escape", "3", "e"), "Payload (JSON"),
    "retry": (("escape", "4", "r"), "Canary:"),
    "remove": (("escape", "5", "D"), "Type nightly"),
}
"""Keys that lead from one snapshot to the next, and a text that shows when it is complete. Plots are read twice: the
first drawing may be of a page whose size is not final."""


class _StoppedClock(datetime):
    """A stopped clock, so that ages are always the same."""

    @classmethod
    def now(cls, tz: Any = None) -> datetime:  # type: ignore[override]
        return NOW.astimezone(tz)


@contextmanager
def _zone_where_it_is_noon() -> Iterator[None]:
    """Live in a zone where NOW is about noon: the hours around it are of one day, and shown without a date."""
    hours = NOW.astimezone(timezone.utc).hour - 12
    try:
        with patch.dict(os.environ, TZ=f"NOON{hours:+d}"):
            time.tzset()
            yield
    finally:
        time.tzset()


def captured(size: tuple[int, int]) -> dict[str, ScreenPicture]:
    """Take all snapshots. Times of day are masked."""
    snapshots: dict[str, ScreenPicture] = {}

    async def script(driver: Driver) -> None:
        driver.app.animation_level = "none"
        for name, (keys, seen) in SCREENS.items():
            for key in keys:
                await driver.press(key)
                await driver._pilot.pause()
            await driver.until(seen)
            await driver._pilot.pause(0.05)
            assert {cell_len(line) for line in driver.lines} == {size[0]}
            snapshots[name] = await _in_all_themes(driver)

    clocks = [patch(f"qctl.tui.{module}.datetime", _StoppedClock) for module in ("app", "data.site_list")]
    with clocks[0], clocks[1], _zone_where_it_is_noon():
        drive(MonitorOps(), script, size=size, run=str, sites=sites())
    return snapshots


async def _in_all_themes(driver: Driver) -> ScreenPicture:
    for field in driver.app.screen.query("Input, TextArea").results():
        field.cursor_blink = False  # type: ignore[attr-defined]
    strips: dict[str, Sequence[Strip]] = {}
    for theme in (*THEMES[1:], THEMES[0]):
        driver.app.theme = theme
        await driver._pilot.pause()
        strips[theme] = driver.app.screen._compositor.render_strips()
    return picture_of({theme: strips[theme] for theme in THEMES}, _masked(driver.text).split("\n"))


def _masked(text: str) -> str:
    """The text with letters for the digits of dates and times of day."""
    text = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "YYYY-MM-DD hh:mm:ss", text)
    return re.sub(r"\b\d\d:\d\d(:\d\d)?\b", lambda m: "hh:mm:ss" if m[1] else "hh:mm", text)


def file_of(name: str, size: tuple[int, int]) -> Path:
    """The file of a snapshot."""
    return FOLDER / f"{size[0]}x{size[1]}" / f"{name}.svg"


def write_all() -> None:
    """Write all snapshots."""
    for size in SIZES:
        for name, picture in captured(size).items():
            file = file_of(name, size)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(draw(picture, f"{name}, {size[0]}x{size[1]}: {', '.join(THEMES)}"))
