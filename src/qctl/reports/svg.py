"""Renders charts as SVG, so that a page needs no script and no network."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape

from qctl.reports.report import Chart

WIDTH_PX = 720
ROW_PX = 22
HEIGHT_PX = 220
NAME_PX = 180
"""Width of the names beside horizontal bars."""

MAX_NAME_CHARACTERS = 28
"""Maximum length of a name; longer ones end in an ellipsis."""

MAX_VALUES = 366
"""Maximum values of a chart, a year of days; the rest is left out."""


def render_svg(chart: Chart) -> str:
    """The chart as an SVG element for a page."""
    values = list(chart.values.items())[:MAX_VALUES]
    height = HEIGHT_PX if chart.over_time else ROW_PX * len(values) + 4
    parts = _columns(values, chart.marks) if chart.over_time else _bars(values)
    label = escape(chart.title, quote=True)
    return f'<svg viewBox="0 0 {WIDTH_PX} {height}" role="img" aria-label="{label}">{"".join(parts)}</svg>'


def _bars(values: list[tuple[str, float]]) -> Iterator[str]:
    maximum = max((value for _, value in values), default=0) or 1
    for row, (name, value) in enumerate(values):
        y = row * ROW_PX
        width = max(0.0, value / maximum * (WIDTH_PX - NAME_PX - 90))
        yield _text(NAME_PX - 6, y + 15, name, "end")
        yield f'<rect x="{NAME_PX}" y="{y + 3}" width="{width:.1f}" height="{ROW_PX - 6}"/>'
        yield _text(NAME_PX + width + 6, y + 15, f"{value:,.10g}", "start")


def _columns(values: list[tuple[str, float]], marks: Mapping[str, str]) -> Iterator[str]:
    maximum = max((value for _, value in values), default=0) or 1
    step = (WIDTH_PX - 80) / max(1, len(values))
    bottom = HEIGHT_PX - 24
    yield _text(0, 14, f"{maximum:,.10g}", "start")
    for column, (name, value) in enumerate(values):
        bar = max(0.0, value / maximum * (bottom - 20))
        x = 70 + column * step
        yield (
            f'<rect x="{x:.1f}" y="{bottom - bar:.1f}" width="{max(1.0, step * 0.8):.1f}" height="{bar:.1f}">'
            f"<title>{_escape_name(name)}: {value:,.10g}</title></rect>"
        )
        if name in marks:
            yield f'<line x1="{x:.1f}" y1="16" x2="{x:.1f}" y2="{bottom}" stroke="#c33" stroke-dasharray="4 3"/>'
            yield _text(x, 12, marks[name], "middle")
    if values:
        yield _text(70, HEIGHT_PX - 6, values[0][0], "start")
        yield _text(WIDTH_PX, HEIGHT_PX - 6, values[-1][0], "end")


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{_escape_name(text)}</text>'


def _escape_name(text: str) -> str:
    return escape(text if len(text) <= MAX_NAME_CHARACTERS else text[: MAX_NAME_CHARACTERS - 1] + "\u2026")
