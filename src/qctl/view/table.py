"""The parts of a table, whatever it shows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

Row = TypeVar("Row")

Style = Literal["", "dim", "good", "warn", "bad"]


@dataclass(frozen=True)
class Cell:
    """One value of a table, inert, with the word for how it is shown."""

    text: str
    style: Style = ""


@dataclass(frozen=True)
class Column(Generic[Row]):
    """One column of a table.

    `least` is the width it may be cut to, 0 where it is never cut; `cut_start` cuts at its beginning. `drop` says
    when it goes where there is no room: the highest first, 0 never. `long`: a sentence, at most one a row; it takes the
    room that the others leave, or where that is too little lines of its own under the row.
    """

    title: str
    cell: Callable[[Row], Cell]
    right: bool = False
    least: int = 0
    cut_start: bool = False
    drop: int = 0
    long: bool = False


@dataclass(frozen=True)
class Table(Generic[Row]):
    """Rows and how to show them. `empty` is said where there are none; `footer` are lines under the table."""

    columns: Sequence[Column[Row]]
    rows: Sequence[Row]
    empty: str
    footer: Sequence[Cell] = ()
