"""A plot of `view.plots` as content of a widget: its colours become those of the theme."""

from __future__ import annotations

from rich.color import Color
from rich.style import Style
from rich.text import Text
from textual.content import Content, Span

THEME_COLOURS = {6: "$text-primary", 3: "$text-warning", 1: "$text-error", 8: "$text-muted"}
"""Colours of the theme by the number of the terminal's colour: cyan, orange, red and gray in `view.plots`."""


def plot_content(drawn: str) -> Content:
    """Parse a plot that was drawn with the colours of a terminal."""
    text = Text.from_ansi(drawn)
    numbers = [(span, _number(span.style)) for span in text.spans]
    spans = [Span(span.start, span.end, THEME_COLOURS[number]) for span, number in numbers if number in THEME_COLOURS]
    return Content(text.plain, spans)


def _number(style: str | Style) -> int | None:
    colour: Color | None = style.color if isinstance(style, Style) else None
    return colour.number if colour else None
