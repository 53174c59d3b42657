"""What screens look like, at the smallest and at a wide size, and with text that wants to do harm."""

from __future__ import annotations

import os
from dataclasses import fields, is_dataclass, replace
from typing import Any

import pytest
from rich.cells import cell_len

from qctl.histogram import Histogram
from qctl.models import Event
from tui.driving import Driver, drive
from tui.fake import MonitorOps

SMALL, WIDE = (80, 24), (140, 40)

HEADINGS: dict[str, tuple[str, str]] = {
    "1": (
        "QUEUE        WAITING  RUNNING  DEAD  OLDEST  STATE",
        "QUEUE        WAITING  RUNNING  SCHED  DEAD  FINISHED  TREND  OLDEST  IN/S  OUT/S  ETA  ERRORS",
    ),
    "2": (
        "QUEUE        WAITING  RUNNING  DEAD  OLDEST  STATE",
        "QUEUE        WAITING  RUNNING  SCHED  DEAD  FINISHED  TREND  OLDEST  IN/S  OUT/S  ETA  ERRORS",
    ),
    "3": (
        "ID     QUEUE  STATE   SINCE  FUNCTION  OWNER  ERROR",
        "ID     QUEUE  STATE   SINCE  FUNCTION  OWNER  ERROR",
    ),
    "4": ("COUNT  LAST  ERROR", "COUNT  LAST  FIRST  FUNCTION  ERROR"),
    "5": ("NAME     JOB  NEXT  LAST  STATE", "NAME     KIND  JOB  QUEUE  NEXT  LAST  WHEN  STATE"),
    "6": ("WORKER  STATE  QUEUES", "WORKER  STATE  QUEUES"),
    "7": ("PIPELINE  ITEMS  OLDEST", "PIPELINE  ITEMS  OLDEST"),
    "9": ("TIME ", "TIME "),
}
FOOTS = {
    SMALL: " Space mark  p pause/resume  r retry  C clear  U undo  / filter  ? help  q quit",
    WIDE: " Space mark  p pause/resume  r retry  C clear  U undo  / filter  m move  s sort  y JSON  z freeze"
    "  a new job  Y copy id  ? help  q quit",
}


@pytest.mark.parametrize("size", [SMALL, WIDE], ids=["80x24", "140x40"])
def test_every_screen_fits(size: tuple[int, int]) -> None:
    async def script(driver: Driver) -> None:
        for digit, by_size in HEADINGS.items():
            await driver.press(digit)
            heading = by_size[size == WIDE].split()
            # How wide an age is depends on when it is looked at, so only the order of the columns counts.
            await driver.until(lambda heading=heading: " ".join(heading) in " ".join(driver.text.split()))
            lines = driver.lines
            assert len(lines) == size[1]
            assert {cell_len(line) for line in lines} == {size[0]}
            assert lines[0].startswith(" qctl  ● connected  redis://localhost:6379/0  ")
            assert f"[{digit}" in lines[1]
            if digit == "2":
                assert lines[3].startswith("> email              4        0")
                assert "paused" in lines[3]
                assert lines[-1].rstrip() == FOOTS[size]

    drive(MonitorOps(), script, size=size)


def test_a_terminal_may_get_smaller_and_larger() -> None:
    async def script(driver: Driver) -> None:
        for digit in HEADINGS:
            await driver.press(digit)
            for size in ((20, 6), (60, 10), (200, 50), (80, 24)):
                await driver._pilot.resize_terminal(*size)
                await driver.until(lambda: len(driver.lines) == driver.app.size.height)
        await driver.until("finished")

    drive(MonitorOps(), script)


EVIL = "\x1b]0;owned\x07\x9b31m[bold red]x[/]\u202e\n$x{y}"


def spoilt(value: Any) -> Any:
    """The same with a text that wants to do harm in every text."""
    if isinstance(value, str):
        return value + EVIL
    if isinstance(value, Histogram):
        return value
    if is_dataclass(value) and not isinstance(value, type):
        kept = ("status", "state", "kind", "id") if not isinstance(value, Event) else ("id",)
        return replace(
            value, **{f.name: spoilt(getattr(value, f.name)) for f in fields(value) if f.init and f.name not in kept}
        )
    if isinstance(value, (list, tuple, frozenset)):
        return type(value)(spoilt(each) for each in value)
    return value


def test_hostile_text_is_inert_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    fine = MonitorOps()
    answers = {
        name: spoilt(value)
        for name, value in vars(fine)["_answers"].items()
        if not callable(value) and name != "events__last_id"
    }
    answers["workers__list"] = spoilt(fine.workers.list())

    async def script(driver: Driver) -> None:
        for digit in "123469":
            await driver.press(digit)
            await driver.until("[bold red]")
            for key in ("enter", "y", "p", "r", "D"):
                harmless(driver.text)
                await driver.press(key)
                await driver._pilot.pause(0.05)
                harmless(driver.text)
                while len(driver.app.screen_stack) > 1:
                    await driver.press("escape")
                    await driver._pilot.pause()
                await driver.press(digit)

    drive(MonitorOps(**answers), script, size=(230, 40), run=lambda _: EVIL)


def harmless(text: str) -> None:
    """Nothing that a terminal obeys."""
    assert not [letter for letter in text if letter != "\n" and (ord(letter) < 32 or letter in "\x7f\x9b\u202e")]


def test_without_colour_everything_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, "NO_COLOR", "1")

    async def script(driver: Driver) -> None:
        await driver.press("2")
        await driver.until("> email")
        colours = {
            segment.style.color.triplet
            for strip in driver.app.screen._compositor.render_strips()
            for segment in strip
            if segment.style and segment.style.color and segment.style.color.triplet
        }
        assert driver.app.no_color
        assert "paused" in driver.text
        assert all(red == green == blue for red, green, blue in colours) or not colours

    drive(MonitorOps(), script)
