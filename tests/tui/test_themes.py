"""Colours: every theme can be read, the selected row is one bar, and a choice is previewed and kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from rich.style import Style
from textual.color import Color

from qctl.errors import QctlError, SettingsError
from qctl.settings import theme_choice
from qctl.tui.themes import MIN_CONTRAST, THEMES, colours, contrast
from tui.driving import Driver, drive
from tui.fake import MonitorOps

PAGES = {"1": "quarantine", "2": "sensor-data", "4": "Traceback: ...", "6": "w1"}
"""Pages that together use every colour, and a text that shows when each is filled."""

DRAWN = frozenset("─│╭╮╰╯▁▂▃▄▅▆▇█▉▊▋▌▍▎▏")


def shown_texts(driver: Driver) -> set[tuple[str, Style]]:
    """The words on the screen with their styles; lines and bars are no text."""
    return {
        (segment.text.strip(), segment.style)
        for strip in driver.app.screen._compositor.render_strips()
        for segment in strip
        if segment.style
        and set(segment.text) - DRAWN - {" "}
        and not all("\u2800" <= c <= "\u28ff" for c in segment.text.strip())
    }


def weak_texts(driver: Driver) -> list[tuple[str, float]]:
    """The words whose contrast is below that of WCAG AA."""
    weak = []
    for text, style in shown_texts(driver):
        front, back = style.color, style.bgcolor
        assert front is not None, (text, style)
        assert back is not None, (text, style)
        front, back = (back, front) if style.reverse else (front, back)
        ratio = contrast(Color.from_rich_color(front), Color.from_rich_color(back))
        if ratio < MIN_CONTRAST:
            weak.append((text, round(ratio, 2)))
    return weak


def test_every_text_of_every_theme_has_the_contrast_of_wcag_aa() -> None:
    weak: dict[tuple[str, str], list[tuple[str, float]]] = {}

    async def script(driver: Driver) -> None:
        for theme in THEMES:
            driver.app.theme = theme
            for digit, seen in PAGES.items():
                await driver.press(digit)
                await driver.until(seen)
                await driver._pilot.pause()
                if found := weak_texts(driver):
                    weak[theme, digit] = found

    drive(MonitorOps(), script, size=(120, 40))
    assert weak == {}


def test_the_derived_texts_can_be_read_on_every_background() -> None:
    for name, theme in THEMES.items():
        chosen = colours(theme)
        surface = Color.parse(theme.to_color_system().generate()["surface"]).hex
        for text in ("foreground", "text-muted", "text-success", "text-warning", "text-error", "text-primary"):
            for ground in (surface, chosen["cursor"], chosen["cursor-blurred"], chosen["panel"], chosen["boost"]):
                assert contrast(Color.parse(chosen[text]), Color.parse(ground)) >= MIN_CONTRAST, (name, text, ground)
        for text, ground in (("alarm-text", "alarm"), ("chosen-text", "chosen")):
            assert contrast(Color.parse(chosen[text]), Color.parse(chosen[ground])) >= MIN_CONTRAST, (name, text)


@pytest.mark.parametrize("theme", ["textual-dark", "textual-light", "high-contrast"])
def test_the_selected_row_is_one_bar(theme: str) -> None:
    async def script(driver: Driver) -> None:
        await driver.press("2")
        await driver.until("sensor-data")
        for _ in range(3):
            line = next(number for number, text in enumerate(driver.lines) if text.startswith("│>"))
            strip = driver.app.screen._compositor.render_strips()[line]
            inner = strip.crop(1, driver.app.size.width - 1)
            assert len({segment.style.bgcolor for segment in inner if segment.style}) == 1
            await driver.press("down")
            await driver._pilot.pause()

    drive(MonitorOps(), script, theme=theme)


def test_a_theme_is_previewed_kept_and_left() -> None:
    saved: list[str] = []

    def save(name: str) -> str:
        saved.append(name)
        return " (saved)"

    async def script(driver: Driver) -> None:
        await driver.press("t", "down", "down")
        await driver.until(lambda: driver.app.theme == "nord")
        await driver.press("escape")
        await driver.until(lambda: driver.app.theme == "textual-dark")
        assert saved == []
        await driver.press("t", "down", "down", "enter")
        await driver.until("theme: nord (saved)")
        assert (driver.app.theme, saved) == ("nord", ["nord"])

    drive(MonitorOps(), script, save_theme=save)


def test_a_theme_that_cannot_be_saved_still_applies() -> None:
    def save(_: str) -> str:
        raise QctlError("cannot write 'theme': no space")

    async def script(driver: Driver) -> None:
        await driver.press("t", "down", "enter")
        await driver.until("cannot write 'theme': no space")
        assert driver.app.theme == "textual-light"

    drive(MonitorOps(), script, save_theme=save)


def test_the_theme_is_a_file_beside_the_contexts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "qctl"
    monkeypatch.setattr(theme_choice, "config_file", lambda: folder / "config.toml")
    assert theme_choice.saved_theme() is None
    theme_choice.save_theme("nord")
    assert theme_choice.saved_theme() == "nord"
    file = folder / "theme"
    contents: list[Any] = [b"\x1b[2J", b"\xff\xfe", b"a" * 5000]
    for content in contents:
        file.write_bytes(content)
        with pytest.raises(SettingsError, match="theme"):
            theme_choice.saved_theme()
    file.chmod(0o666)
    with pytest.raises(QctlError, match="can be written by other users"):
        theme_choice.saved_theme()
