"""Column layout for printed tables and for grids of the monitor: visible columns, their widths, and truncated text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from rich.cells import cell_len, set_cell_size

from qctl.view.table import Column

MIN_COLUMN_WIDTH = 4
"""Width (cells) of a truncated column on the narrowest screen."""


@dataclass(frozen=True)
class SizedColumn:
    """A visible column and its width (cells)."""

    column: Column[Any]
    width: int


def fit(
    columns: Sequence[Column[Any]],
    widths: Sequence[int],
    available: int,
    gap: int,
    min_width: int = MIN_COLUMN_WIDTH,
) -> list[SizedColumn]:
    """Choose the columns that fit into `available` cells with `gap` cells between two. `widths` are the ideal widths.

    Columns shrink to their minimum, the widest first, those that are to stay whole last. If that is not enough,
    droppable columns are removed one by one. If none is left, truncatable columns shrink to `min_width`.
    """
    visible = [SizedColumn(column, width) for column, width in zip(columns, widths, strict=True)]
    while total_width((_minimum(sized) for sized in visible), gap) > available and any(
        sized.column.drop for sized in visible
    ):
        visible.remove(max(visible, key=lambda sized: sized.column.drop))
    minima = [_minimum(sized) for sized in visible]
    for whole in (False, True):
        if total_width(minima, gap) > available:
            minima = [
                min(minimum, min_width) if sized.column.min_width and sized.column.whole == whole else minimum
                for sized, minimum in zip(visible, minima, strict=True)
            ]
    fitted = [sized.width for sized in visible]
    for _ in range(total_width(fitted, gap) - available):
        shrinkable = [index for index, minimum in enumerate(minima) if minimum < fitted[index]]
        if not shrinkable:
            break
        fitted[max(shrinkable, key=lambda index: (not visible[index].column.whole, fitted[index]))] -= 1
    return [SizedColumn(sized.column, width) for sized, width in zip(visible, fitted, strict=True)]


def total_width(widths: Iterable[int], gap: int) -> int:
    """Width of columns side by side, with the gaps between them."""
    columns = list(widths)
    return sum(columns) + gap * (len(columns) - 1)


def _minimum(sized: SizedColumn) -> int:
    minimum = 0 if sized.column.whole else sized.column.min_width
    return min(minimum, sized.width) if minimum else sized.width


def fit_text(text: str, width: int, *, right: bool = False, cut_start: bool = False) -> str:
    """Pad or truncate text to exactly `width` cells. An ellipsis replaces what is cut, at the start if `cut_start`."""
    size = cell_len(text)
    if size > width > 0:
        text = _tail(text, width) if cut_start else set_cell_size(text, width - 1).rstrip() + "…"
    elif size > width:
        return ""
    padding = " " * (width - cell_len(text))
    return padding + text if right else text + padding


def _tail(text: str, width: int) -> str:
    tail = text[-width:]
    while cell_len(tail) > width - 1:
        tail = tail[1:]
    return "…" + tail
