"""Layout of a grid's columns: as in any table, but with the long column beside the others rather than below them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from qctl.view import Column, column_layout
from qctl.view.column_layout import SizedColumn

GAP = 2
"""Cells between two columns."""

LONG_COLUMN_WIDTH = 24
"""Width (cells) that the long column should have; optional columns are left out for it."""

MIN_WIDTH = 8
"""Least width (cells) of a column that may be cut, and of the long one. It is larger than in printed tables, which show
the long column below its row."""


def fit(columns: Sequence[Column[Any]], widths: Mapping[str, int], room: int) -> list[SizedColumn]:
    """Choose and size the columns that fit in `room` cells. `widths` holds the wanted width of each by its title.

    The long column is left out if it is empty (0 wide); else it gets the room that the others leave.
    """
    long = next((column for column in columns if column.long and widths[column.title]), None)
    others = [column for column in columns if not column.long]
    room_left = room - (min(LONG_COLUMN_WIDTH, widths[long.title]) + GAP if long else 0)
    sized = column_layout.fit(others, [widths[column.title] for column in others], room_left, GAP, MIN_WIDTH)
    left = room - column_layout.total_width((column.width for column in sized), GAP) - GAP
    return [*sized, SizedColumn(long, left)] if long and left >= MIN_WIDTH else sized
