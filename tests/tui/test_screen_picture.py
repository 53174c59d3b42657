"""Pictures of screens: what is written is read again, and differences are told in words."""

from __future__ import annotations

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from tui.screen_picture import ScreenPicture, differences, draw, picture_of, read


def picture(*lines: tuple[tuple[str, str], ...], light: str = "black on white") -> ScreenPicture:
    """A picture of lines of texts with styles, in two themes: the light one has one look for all texts."""
    dark = [Strip([Segment(text, Style.parse(style)) for text, style in line]) for line in lines]
    strips = {"dark": dark, "light": [Strip([Segment(strip.text, Style.parse(light))]) for strip in dark]}
    return picture_of(strips, [strip.text for strip in dark])


LINE = (("│ ", "red on black"), ("<a & b>", "bold #00ff00 on #202020"), ("  ⣀ ", "underline reverse blue on black"))


def test_a_picture_that_is_written_is_read_again() -> None:
    drawn = picture(LINE, ((" " * 13, "white on black"),))
    assert drawn.texts == ["│ <a & b>  ⣀ ", " " * 13]
    assert read(draw(drawn, "<one>")) == drawn


def test_equal_pictures_have_no_differences() -> None:
    assert differences(picture(LINE), picture(LINE)) == []


def test_another_text_is_told_as_a_diff() -> None:
    found = differences(picture((("waiting 4", "white on black"),)), picture((("waiting 5", "white on black"),)))
    assert "-waiting 4" in found
    assert "+waiting 5" in found


def test_another_colour_is_told_with_its_place_and_theme() -> None:
    before, after = (picture((("ok ", "white on black"), ("late", f"{c} on black"))) for c in ("#ffaa00", "#ff0000"))
    assert differences(before, after) == ["line 1, column 4, 'late': dark: #ffaa00 on #000000 -> #ff0000 on #000000"]


def test_a_colour_of_one_theme_is_told_although_the_others_are_equal() -> None:
    line = (("ok", "#00ff00 on #000000"),)
    found = differences(picture(line), picture(line, light="#111111 on #ffffff"))
    assert found == ["line 1, column 1, 'ok': light: #000000 on #c0c0c0 -> #111111 on #ffffff"]


def test_another_emphasis_and_the_background_of_blanks_are_told() -> None:
    found = differences(picture((("late", "white on black"),)), picture((("late", "bold white on black"),)))
    assert found == ["line 1, column 1, 'late': plain -> bold"]
    assert differences(picture((("  ", "on black"),)), picture((("  ", "on blue"),)))


def test_many_differences_are_counted() -> None:
    lines = [((f"{n:02}", "red on black"),) for n in range(40)]
    changed = [((f"{n:02}", "blue on black"),) for n in range(40)]
    found = differences(picture(*lines), picture(*changed))
    assert found[-1] == "and 28 more runs"
    assert len(found) == 13
