"""Charts as SVG, drawn by hand: a page with them needs no script, and nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from qctl.reports.report import Chart

WIDTH = 720
ROW = 22
HEIGHT = 220
NAME = 180
"""Pixels for the names beside bars."""

LONGEST = 28
"""Characters of a name."""

MOST = 366
"""Values of one chart: a year of days."""


def svg(chart: Chart) -> str:
    """The chart, as an element that stands in a page."""
    values = list(chart.values.items())[:MOST]
    height = HEIGHT if chart.over_time else ROW * len(values) + 4
    parts = _columns(values) if chart.over_time else _bars(values)
    label = escape(chart.title, quote=True)
    return f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{label}">{"".join(parts)}</svg>'


def _bars(values: list[tuple[str, float]]) -> Iterator[str]:
    most = max((value for _, value in values), default=0) or 1
    for place, (name, value) in enumerate(values):
        y = place * ROW
        width = max(0.0, value / most * (WIDTH - NAME - 90))
        yield _text(NAME - 6, y + 15, name, "end")
        yield f'<rect x="{NAME}" y="{y + 3}" width="{width:.1f}" height="{ROW - 6}"/>'
        yield _text(NAME + width + 6, y + 15, f"{value:,.10g}", "start")


def _columns(values: list[tuple[str, float]]) -> Iterator[str]:
    most = max((value for _, value in values), default=0) or 1
    step = (WIDTH - 80) / max(1, len(values))
    bottom = HEIGHT - 24
    yield _text(0, 14, f"{most:,.10g}", "start")
    for place, (name, value) in enumerate(values):
        tall = max(0.0, value / most * (bottom - 20))
        x = 70 + place * step
        yield (
            f'<rect x="{x:.1f}" y="{bottom - tall:.1f}" width="{max(1.0, step * 0.8):.1f}" height="{tall:.1f}">'
            f"<title>{_shown(name)}: {value:,.10g}</title></rect>"
        )
    if values:
        yield _text(70, HEIGHT - 6, values[0][0], "start")
        yield _text(WIDTH, HEIGHT - 6, values[-1][0], "end")


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{_shown(text)}</text>'


def _shown(text: str) -> str:
    return escape(text if len(text) <= LONGEST else text[: LONGEST - 1] + "\u2026")
