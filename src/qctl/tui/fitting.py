"""Which columns of a table have room, and how wide each is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.cells import cell_len, set_cell_size

from qctl.view import Column

GAP = 2
"""Cells between two columns."""

LONG = 24
"""Room that a sentence at the end of a row should have; columns that may go make way for it."""

LEAST = 8
"""Width that a column keeps which may be cut."""


@dataclass(frozen=True)
class Placed:
    """A column that is shown, and its width."""

    column: Column[Any]
    width: int


def fit(columns: Sequence[Column[Any]], widths: Mapping[str, int], room: int) -> list[Placed]:
    """The columns that are shown in `room` cells. `widths` is what each would like, by its title.

    A sentence that has nothing to say (0 wide) is left out; else it gets what the others leave.
    """
    long = next((column for column in columns if column.long and widths[column.title]), None)
    shown = [column for column in columns if not column.long]
    room_left = room - (min(LONG, widths[long.title]) + GAP if long else 0)
    least = {c.title: min(c.least, widths[c.title]) if c.least else widths[c.title] for c in shown}
    while any(column.drop for column in shown) and _total(least[column.title] for column in shown) > room_left:
        shown.remove(max(shown, key=lambda column: column.drop))
    placed = {column.title: widths[column.title] for column in shown}
    for floor in (least, dict.fromkeys(least, LEAST)):
        for column in sorted((c for c in shown if c.least), key=lambda c: -placed[c.title]):
            over = _total(placed.values()) - room_left
            if over > 0:
                placed[column.title] = max(min(floor[column.title], placed[column.title]), placed[column.title] - over)
    result = [Placed(column, placed[column.title]) for column in shown]
    left = room - _total(placed.values()) - GAP
    return [*result, Placed(long, left)] if long and left >= LEAST else result


def _total(widths: Iterable[int]) -> int:
    """What columns of these widths take together."""
    each = list(widths)
    return sum(each) + GAP * (len(each) - 1)


def cut(text: str, width: int, *, right: bool = False, start: bool = False) -> str:
    """The text in exactly so many cells; an ellipsis stands for what was cut, at its start where `start`."""
    size = cell_len(text)
    if size <= width:
        padding = " " * (width - size)
        return padding + text if right else text + padding
    if width < 1:
        return ""
    if not start:
        return set_cell_size(text, width - 1) + "…"
    tail = text[-width:]
    while cell_len(tail) > width - 1:
        tail = tail[1:]
    return set_cell_size("…" + tail, width)
