"""Filled graphs of one series in Braille dots: two steps in a character, four levels in a line."""

from __future__ import annotations

from collections.abc import Sequence

LEVELS_PER_LINE = 4

_BRAILLE = 0x2800
_LEFT = (0x00, 0x40, 0x44, 0x46, 0x47)
_RIGHT = (0x00, 0x80, 0xA0, 0xB0, 0xB8)
"""Bits of a column of dots filled up to each level."""


def filled_graph(values: Sequence[float | None], width: int, height: int, highest: float | None = None) -> list[str]:
    """Draw values over `width` characters and `height` lines, the first value at the left. A known value has
    at least one dot, and None is a gap. `highest` is the value of a full column, by default the largest."""
    known = [value for value in values if value is not None]
    top = highest or max(known, default=0.0)
    columns = [
        _level(values[column * len(values) // (2 * width)], top, height) if values else 0 for column in range(2 * width)
    ]
    lines = []
    for line in reversed(range(height)):
        levels = [max(0, min(LEVELS_PER_LINE, level - line * LEVELS_PER_LINE)) for level in columns]
        lines.append("".join(_cell(*pair) for pair in zip(levels[::2], levels[1::2], strict=True)))
    return lines


def _cell(left: int, right: int) -> str:
    dots = _LEFT[left] | _RIGHT[right]
    return chr(_BRAILLE + dots) if dots else " "


def _level(value: float | None, top: float, height: int) -> int:
    if value is None:
        return 0
    full = height * LEVELS_PER_LINE
    return max(1, min(full, round(value / top * full))) if top > 0 else 1
