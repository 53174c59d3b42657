"""Which columns of a table have room, how wide each is, and how a text is cut to that: printed and on screens alike."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from rich.cells import cell_len, set_cell_size

from qctl.view.table import Column

LEAST = 4
"""Width that a column which may be cut keeps on the narrowest screen."""


@dataclass(frozen=True)
class Placed:
    """A column that is shown, and its width."""

    column: Column[Any]
    width: int


def fit(columns: Sequence[Column[Any]], widths: Sequence[int], room: int, gap: int, least: int = LEAST) -> list[Placed]:
    """The columns that are shown in `room` cells, `gap` between two. `widths` is what each would like.

    Columns are cut down to what is the least for them, always the widest; where that is not enough, those that may go
    do so, one after the other; where none is left that may, what can be cut is cut down to `least`.
    """
    shown = [Placed(column, width) for column, width in zip(columns, widths, strict=True)]
    while total((_floor(each) for each in shown), gap) > room and any(each.column.drop for each in shown):
        shown.remove(max(shown, key=lambda each: each.column.drop))
    floors = [_floor(each) for each in shown]
    if total(floors, gap) > room:
        floors = [min(floor, least) if each.column.least else floor for each, floor in zip(shown, floors, strict=True)]
    given = [each.width for each in shown]
    for _ in range(total(given, gap) - room):
        loose = [number for number, floor in enumerate(floors) if floor < given[number]]
        if not loose:
            break
        given[max(loose, key=lambda number: given[number])] -= 1
    return [Placed(each.column, width) for each, width in zip(shown, given, strict=True)]


def total(widths: Iterable[int], gap: int) -> int:
    """What columns of these widths take together."""
    each = list(widths)
    return sum(each) + gap * (len(each) - 1)


def _floor(placed: Placed) -> int:
    least = placed.column.least
    return min(least, placed.width) if least else placed.width


def cut(text: str, width: int, *, right: bool = False, start: bool = False) -> str:
    """The text in exactly so many cells; an ellipsis stands for what was cut, at its start where `start`."""
    size = cell_len(text)
    if size > width > 0:
        text = _ending(text, width) if start else set_cell_size(text, width - 1).rstrip() + "…"
    elif size > width:
        return ""
    padding = " " * (width - cell_len(text))
    return padding + text if right else text + padding


def _ending(text: str, width: int) -> str:
    tail = text[-width:]
    while cell_len(tail) > width - 1:
        tail = tail[1:]
    return "…" + tail
