"""What every screen and some dialogs show, as text, at a time that stands still."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path
from typing import Any
from unittest.mock import patch

from rich.cells import cell_len

from cli.fake import NOW
from tui.driving import Driver, drive
from tui.fake import MonitorOps

FOLDER = Path(__file__).parent / "screens"

SIZES = ((80, 24), (140, 40))

SCREENS: dict[str, tuple[tuple[str, ...], str]] = {
    "1-overview": (("1",), "quarantine"),
    "2-queues": (("2",), "sensor-data"),
    "3-jobs": (("3",), "job-2"),
    "4-dead-letters": (("4",), "Traceback: ..."),
    "5-schedules": (("5",), "legacy"),
    "6-workers": (("6",), "w1"),
    "7-ingest": (("7",), "readings"),
    "8-metrics": (("8",), "p99"),
    "9-events": (("9",), "finished"),
    "help": (("question_mark",), "Screens"),
    "pause": (("escape", "2", "down", "p"), "Reason"),
    "clear": (("escape", "C"), "Type report"),
    "new-job": (("escape", "a", "s", "t", "o", "c", "k", "enter"), "Enqueue"),
    "edit": (("escape", "3", "e"), "Payload (JSON"),
    "remove": (("escape", "5", "D"), "Type nightly"),
}
"""Keys that lead from one to the next, and what is to be seen when it is there."""


class _Still(datetime):
    """A clock that stands: ages are the same whenever one looks."""

    @classmethod
    def now(cls, tz: Any = None) -> datetime:  # type: ignore[override]
        return NOW.astimezone(tz)


def captured(size: tuple[int, int]) -> dict[str, str]:
    """The text of each. Times of day are masked, as they are what they are."""
    found: dict[str, str] = {}

    async def script(driver: Driver) -> None:
        for name, (keys, seen) in SCREENS.items():
            for key in keys:
                await driver.press(key)
                await driver._pilot.pause()
            await driver.until(seen)
            await driver._pilot.pause(0.05)
            assert {cell_len(line) for line in driver.lines} == {size[0]}
            found[name] = _masked(driver.lines)

    with patch("qctl.tui.app.datetime", _Still):
        drive(MonitorOps(), script, size=size, run=str)
    return found


def _masked(lines: list[str]) -> str:
    text = "\n".join(line.rstrip() for line in lines) + "\n"
    text = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "YYYY-MM-DD hh:mm:ss", text)
    return re.sub(r"\b\d\d:\d\d(:\d\d)?\b", lambda m: "hh:mm:ss" if m[1] else "hh:mm", text)


def file_of(name: str, size: tuple[int, int]) -> Path:
    """Where it is kept."""
    return FOLDER / f"{size[0]}x{size[1]}" / f"{name}.txt"


def keep() -> None:
    """Write all of them anew."""
    for size in SIZES:
        for name, text in captured(size).items():
            file = file_of(name, size)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
