"""Pictures of the pages in three sizes and three themes, and hostile text on the pages."""

from __future__ import annotations

import os
from dataclasses import fields, is_dataclass, replace
from typing import Any

import pytest

from qctl.histogram import Histogram
from qctl.models import Event
from tui import captures
from tui.captures import captured
from tui.driving import Driver, drive
from tui.fake import MonitorOps
from tui.screen_picture import differences, read


@pytest.mark.parametrize("size", captures.SIZES, ids=["80x24", "120x40", "200x60"])
def test_every_page_and_dialog_matches_its_picture_in_three_themes(size: tuple[int, int]) -> None:
    """`make screens` writes the pictures: look at those that changed."""
    changed = {}
    for name, picture in captured(size).items():
        if found := differences(read(captures.file_of(name, size).read_text()), picture):
            changed[name] = "\n  ".join(found)
    assert not changed, "\n".join(f"{name}:\n  {found}" for name, found in changed.items())


def test_each_picture_belongs_to_a_screen() -> None:
    expected = {captures.file_of(name, size) for name in captures.SCREENS for size in captures.SIZES}
    assert set(captures.FOLDER.rglob("*.*")) == expected


def test_the_terminal_can_be_resized() -> None:
    async def script(driver: Driver) -> None:
        for digit in "123456789":
            await driver.press(digit)
            for size in ((20, 6), (60, 10), (200, 50), (80, 24)):
                await driver._pilot.resize_terminal(*size)
                await driver.until(lambda: len(driver.lines) == driver.app.size.height)
        await driver.until("finished")

    drive(MonitorOps(), script)


EVIL = "\x1b]0;owned\x07\x9b31m[bold red]x[/]\u202e\n$x{y}"


def spoilt(value: Any) -> Any:
    """The same value with hostile text in every text."""
    if isinstance(value, str):
        return value + EVIL
    if isinstance(value, Histogram):
        return value
    if is_dataclass(value) and not isinstance(value, type):
        fixed = ("status", "state", "kind", "id") if not isinstance(value, Event) else ("id",)
        return replace(
            value, **{f.name: spoilt(getattr(value, f.name)) for f in fields(value) if f.init and f.name not in fixed}
        )
    if isinstance(value, (list, tuple, frozenset)):
        return type(value)(spoilt(item) for item in value)
    return value


TRIED = {
    "1": "enter",
    "2": "enter y p",
    "3": "enter l e m",
    "4": "enter r D",
    "5": "enter p D",
    "6": "enter l",
    "7": "enter",
    "9": "enter",
}
"""Keys that show more of a hostile row, by page."""


def test_hostile_text_is_inert_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    fine = MonitorOps()
    answers = {
        name: spoilt(value)
        for name, value in vars(fine)["_answers"].items()
        if not callable(value) and name != "events__last_id"
    }
    answers["workers__list"] = spoilt(fine.workers.list())

    async def script(driver: Driver) -> None:
        for digit, keys in TRIED.items():
            await driver.press(digit)
            await driver.until("[bold red]")
            for key in keys.split():
                assert_inert(driver.text)
                await driver.press(key)
                await driver._pilot.pause(0.05)
                assert_inert(driver.text)
                while len(driver.app.screen_stack) > 1:
                    await driver.press("escape")
                    await driver._pilot.pause()
                await driver.press(digit)

    drive(MonitorOps(**answers), script, size=(230, 40), run=lambda _: EVIL)


def assert_inert(text: str) -> None:
    """Assert that a text holds no control characters."""
    assert not [letter for letter in text if letter != "\n" and (ord(letter) < 32 or letter in "\x7f\x9b\u202e")]


def test_nothing_depends_on_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, "NO_COLOR", "1")

    async def script(driver: Driver) -> None:
        await driver.press("2")
        await driver.until("> ■  email")
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
