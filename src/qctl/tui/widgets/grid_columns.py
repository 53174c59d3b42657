"""Which columns of a grid have room: as in any table, with the sentence at the end of each row beside the rest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from qctl.view import Column, column_layout
from qctl.view.column_layout import SizedColumn

GAP = 2
"""Cells between two columns."""

LONG = 24
"""Room that a sentence at the end of a row should have; columns that may go make way for it."""

LEAST = 8
"""Width that a column keeps which may be cut, and a sentence that is shown: more than on paper, where a sentence may
stand under its row."""


def fit(columns: Sequence[Column[Any]], widths: Mapping[str, int], room: int) -> list[SizedColumn]:
    """The columns that are shown in `room` cells. `widths` is what each would like, by its title.

    A sentence that has nothing to say (0 wide) is left out; else it gets what the others leave.
    """
    long = next((column for column in columns if column.long and widths[column.title]), None)
    others = [column for column in columns if not column.long]
    room_left = room - (min(LONG, widths[long.title]) + GAP if long else 0)
    placed = column_layout.fit(others, [widths[column.title] for column in others], room_left, GAP, LEAST)
    left = room - column_layout.total_width((each.width for each in placed), GAP) - GAP
    return [*placed, SizedColumn(long, left)] if long and left >= LEAST else placed
