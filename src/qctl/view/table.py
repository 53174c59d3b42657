"""Tables: cells, columns and rows, independent of what they show."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

Row = TypeVar("Row")

Style = Literal["", "dim", "good", "warn", "bad"]


@dataclass(frozen=True)
class Cell:
    """Text that is safe to print, with a style."""

    text: str
    style: Style = ""


@dataclass(frozen=True)
class Column(Generic[Row]):
    """One column of a table.

    `min_width` is the width it may be truncated to, 0 if it never is; `cut_start` truncates at the beginning. `drop`
    is the order in which columns are removed when space runs out: the highest first, 0 never. `whole` marks ids and
    names, which are typed again: they are truncated only when all other columns are removed or truncated. `long` marks
    a sentence, at most one in a row: it takes the remaining space, or lines of its own under the row if that is too
    little.
    """

    title: str
    cell: Callable[[Row], Cell]
    right: bool = False
    min_width: int = 0
    cut_start: bool = False
    drop: int = 0
    whole: bool = False
    long: bool = False


@dataclass(frozen=True)
class Table(Generic[Row]):
    """Rows and their columns. `empty` is printed if there are no rows; `footer` lines follow the table."""

    columns: Sequence[Column[Row]]
    rows: Sequence[Row]
    empty: str
    footer: Sequence[Cell] = ()
