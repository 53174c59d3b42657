"""Pictures of a screen in several themes, as one SVG: its lines once, and the colours of each theme as variables.

A browser shows the themes one below another. A line of the screen is a line of the file, so that changes can be read.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import unified_diff
from itertools import groupby
from typing import NamedTuple
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from rich.style import Style
from textual.strip import Strip

CELL_WIDTH, LINE_HEIGHT, FONT_SIZE, BASELINE = 10, 19, 16.6, 15
"""Sizes (px) of a monospaced cell."""

UNDER_BLANKS = ("underline", "strike")
"""Emphasis that shows on blank cells."""

MAX_DIFFERENCES = 12
"""Differing runs that a message lists; the rest are counted."""

SVG = "{http://www.w3.org/2000/svg}"


class Colours(NamedTuple):
    """Colours as in CSS; the foreground of blank cells is empty."""

    foreground: str
    background: str


class Cell(NamedTuple):
    """One character, its emphasis as in CSS, and its colours in each theme."""

    character: str
    emphasis: str
    colours: tuple[Colours, ...]


@dataclass(frozen=True)
class ScreenPicture:
    """The cells of a screen, line by line, and the names of the themes of their colours."""

    themes: tuple[str, ...]
    lines: tuple[tuple[Cell, ...], ...]

    @property
    def texts(self) -> list[str]:
        """The lines without colours."""
        return ["".join(cell.character for cell in line) for line in self.lines]


def picture_of(strips: Mapping[str, Sequence[Strip]], texts: Sequence[str]) -> ScreenPicture:
    """Join the same screen in several themes. `texts` are its lines as the picture shows them."""
    lines = []
    for number, text in enumerate(texts):
        themes = [_styles(theme_strips[number]) for theme_strips in strips.values()]
        assert {len(styles) for styles in themes} == {len(text)}, f"line {number} is not the same in all themes"
        emphases = [_emphasis(style, character) for style, character in zip(themes[0], text, strict=True)]
        colours = zip(*(list(map(_colours_of, styles, text, emphases)) for styles in themes), strict=True)
        lines.append(tuple(map(Cell, text, emphases, colours)))
    return ScreenPicture(tuple(strips), tuple(lines))


def _styles(strip: Strip) -> list[Style]:
    return [segment.style or Style.null() for segment in strip for _ in segment.text]


def _emphasis(style: Style, character: str) -> str:
    names = ("bold", "italic", *UNDER_BLANKS) if character != " " else UNDER_BLANKS
    return " ".join(name for name in names if getattr(style, name))


def _colours_of(style: Style, character: str, emphasis: str) -> Colours:
    names = [
        colour.get_truecolor().hex if colour and not colour.is_default else "#000000"
        for colour in (style.color, style.bgcolor)
    ]
    foreground, background = reversed(names) if style.reverse else names
    return Colours("" if character == " " and not emphasis else foreground, background)


# --- writing --------------------------------------------------------------------------------------------


class _Classes:
    """Names of colours: that of the first theme, with a number where other themes tell several such apart."""

    def __init__(self) -> None:
        self.names: dict[tuple[str, ...], str] = {}

    def name(self, colours: tuple[str, ...]) -> str:
        if colours not in self.names:
            taken = sum(other[0] == colours[0] for other in self.names)
            self.names[colours] = f"c{colours[0][1:]}" + (f"-{taken + 1}" if taken else "")
        return self.names[colours]


def draw(picture: ScreenPicture, title: str) -> str:
    """The picture as SVG."""
    classes, ground = _Classes(), ground_of(picture)
    width, height = len(picture.lines[0]) * CELL_WIDTH, len(picture.lines) * LINE_HEIGHT
    back = f'<rect width="{width}" height="{height}" class="{classes.name(ground)}"/>'
    lines = [_draw_line(line, number, ground, classes) for number, line in enumerate(picture.lines)]
    styles = [
        f".{theme}{{{';'.join(f'--{name}:{colours[number]}' for colours, name in classes.names.items())}}}"
        for number, theme in enumerate(picture.themes)
    ]
    styles += [f".{name}{{fill:var(--{name})}}" for name in classes.names.values()]
    uses = [
        f'<use class="{theme}" href="#screen" y="{number * (height + LINE_HEIGHT)}"/>'
        for number, theme in enumerate(picture.themes)
    ]
    total = len(picture.themes) * (height + LINE_HEIGHT) - LINE_HEIGHT
    font = f"text{{font:{FONT_SIZE}px 'DejaVu Sans Mono',Menlo,Consolas,monospace;white-space:pre}}"
    emphases = (
        ".bold{font-weight:bold}.italic{font-style:italic}"
        ".underline{text-decoration:underline}.strike{text-decoration:line-through}"
    )
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {total}">\n<title>{escape(title)}</title>'
    return "\n".join(
        (head, "<style>", font, emphases, *styles, "</style>", '<defs><g id="screen">', back, *lines, "</g></defs>",
         *uses, "</svg>\n")
    )  # fmt: skip


def ground_of(picture: ScreenPicture) -> tuple[str, ...]:
    """The background of most cells in each theme."""
    grounds = [tuple(pair.background for pair in cell.colours) for line in picture.lines for cell in line]
    return max(dict.fromkeys(grounds), key=grounds.count)


def _draw_line(line: Sequence[Cell], number: int, ground: tuple[str, ...], classes: _Classes) -> str:
    backgrounds, texts, column = [], [], 0
    for background, cells in groupby(line, lambda cell: tuple(pair.background for pair in cell.colours)):
        width = len(list(cells))
        if background != ground:
            backgrounds.append(
                f'<rect class="{classes.name(background)}" x="{column * CELL_WIDTH}" '
                f'width="{width * CELL_WIDTH}" height="{LINE_HEIGHT}"/>'
            )
        column += width
    column = 0
    for (foreground, emphasis), cells in groupby(_with_joined_blanks(line), lambda run: run[:2]):
        text = "".join(character for *_, character in cells)
        if any(foreground):
            texts.append(_draw_text(text, column, f"{classes.name(foreground)} {emphasis}".strip()))
        column += len(text)
    return f'<g transform="translate(0,{number * LINE_HEIGHT})">{"".join((*backgrounds, *texts))}</g>'


def _with_joined_blanks(line: Sequence[Cell]) -> list[tuple[tuple[str, ...], str, str]]:
    """Foregrounds, emphasis and character of each cell. A single blank between words of one colour is part of them."""
    runs = [(tuple(pair.foreground for pair in cell.colours), cell.emphasis, cell.character) for cell in line]
    for place in range(1, len(runs) - 1):
        before, (foreground, emphasis, character), after = runs[place - 1 : place + 2]
        if not any(foreground) and before[:2] == after[:2] and not emphasis and before[1] in ("", "bold"):
            runs[place] = (before[0], before[1], character)
    return runs


def _draw_text(text: str, column: int, names: str) -> str:
    length = f' textLength="{len(text) * CELL_WIDTH}"' if len(text) > 1 else ""
    return f'<text class="{names}" x="{column * CELL_WIDTH}" y="{BASELINE}"{length}>{escape(text)}</text>'


# --- reading --------------------------------------------------------------------------------------------


def read(svg: str) -> ScreenPicture:
    """Parse a picture that `draw` wrote."""
    root = ElementTree.fromstring(svg)  # noqa: S314 - a file of this repository
    themes = tuple(use.attrib["class"] for use in root.iter(f"{SVG}use"))
    style = root.findtext(f"{SVG}style") or ""
    colours = [dict(re.findall(r"--(\S+?):(#\w+)", _block(style, theme))) for theme in themes]
    screen = root.find(f"{SVG}defs/{SVG}g")
    assert screen is not None
    back = screen.find(f"{SVG}rect")
    assert back is not None
    width = int(back.attrib["width"]) // CELL_WIDTH
    ground = [table[back.attrib["class"]] for table in colours]
    lines = tuple(_read_line(group, width, ground, colours) for group in screen.findall(f"{SVG}g"))
    return ScreenPicture(themes, lines)


def _block(style: str, theme: str) -> str:
    found = re.search(rf"^\.{re.escape(theme)}{{(.*)}}$", style, re.MULTILINE)
    assert found, f"no colours of {theme}"
    return found[1]


def _read_line(
    group: ElementTree.Element, width: int, ground: Sequence[str], colours: Sequence[Mapping[str, str]]
) -> tuple[Cell, ...]:
    characters, emphases = [" "] * width, [""] * width
    foregrounds, backgrounds = [[""] * len(colours)] * width, [list(ground)] * width
    for element in group:
        name, _, emphasis = element.attrib["class"].partition(" ")
        chosen, first = [table[name] for table in colours], int(element.attrib["x"]) // CELL_WIDTH
        if element.tag == f"{SVG}rect":
            last = first + int(element.attrib["width"]) // CELL_WIDTH
            backgrounds[first:last] = [chosen] * (last - first)
            continue
        for place, character in enumerate(element.text or "", first):
            characters[place] = character
            if character != " " or set(emphasis.split()) & set(UNDER_BLANKS):
                foregrounds[place], emphases[place] = chosen, emphasis
    return tuple(
        Cell(c, e, tuple(map(Colours, f, b)))
        for c, e, f, b in zip(characters, emphases, foregrounds, backgrounds, strict=True)
    )


# --- comparing ------------------------------------------------------------------------------------------


def differences(expected: ScreenPicture, actual: ScreenPicture) -> list[str]:
    """Tell how two pictures differ: by their texts as a diff, else by colours and emphasis, run by run."""
    if expected.themes != actual.themes:
        return [f"themes: {expected.themes} -> {actual.themes}"]
    if expected.texts != actual.texts:
        return list(unified_diff(expected.texts, actual.texts, "expected", "actual", lineterm="", n=1))
    runs: list[str] = []
    for number, (before, after) in enumerate(zip(expected.lines, actual.lines, strict=True), 1):
        runs += _line_differences(expected.themes, number, before, after)
    rest = [f"and {len(runs) - MAX_DIFFERENCES} more runs"] if len(runs) > MAX_DIFFERENCES else []
    return runs[:MAX_DIFFERENCES] + rest


def _line_differences(themes: Sequence[str], number: int, before: Sequence[Cell], after: Sequence[Cell]) -> list[str]:
    texts, column = [], 0
    for (old, new), cells in groupby(zip(before, after, strict=True), lambda pair: (pair[0][1:], pair[1][1:])):
        text = "".join(cell.character for cell, _ in cells)
        if old != new:
            changed = [
                f"{theme}: {_describe(was)} -> {_describe(now)}"
                for theme, was, now in zip(themes, old[1], new[1], strict=True)
                if was != now
            ]
            changed += [f"{old[0] or 'plain'} -> {new[0] or 'plain'}"] if old[0] != new[0] else []
            texts.append(f"line {number}, column {column + 1}, {text!r}: {'; '.join(changed)}")
        column += len(text)
    return texts


def _describe(pair: Colours) -> str:
    return f"{pair.foreground or 'blank'} on {pair.background}"
