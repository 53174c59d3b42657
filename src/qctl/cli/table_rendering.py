"""Drawing a table on a terminal: every column where there is room, the ones that matter where there is not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from qctl.view import Cell, Column, Style, Table, column_layout
from qctl.view.column_layout import fit_text

COLOURS: dict[Style, str] = {"": "", "dim": "dim", "good": "green", "warn": "yellow", "bad": "red"}
INDENT = "  "

ENOUGH = 30
"""Width that long text must have beside its row; with less it stands under it."""


@dataclass(frozen=True)
class _Shown:
    """A column with its cells and the width that it gets."""

    column: Column[Any]
    cells: list[Cell]
    width: int

    @classmethod
    def of(cls, column: Column[Any], rows: Sequence[Any]) -> _Shown:
        cells = [column.cell(row) for row in rows]
        return cls(column, cells, max(cell_len(text) for text in (column.title, *(c.text for c in cells))))

    @property
    def says_something(self) -> bool:
        return any(cell.text for cell in self.cells)


def draw(table: Table[Any], console: Console) -> list[Text]:
    """The lines of a table that has rows, for the width of `console`."""
    every = [_Shown.of(column, table.rows) for column in table.columns]
    shown, gap = [s for s in every if not s.column.long], 2
    long = next((s for s in every if s.column.long and s.says_something), None)
    start = _total(shown, gap) + gap
    beside = long is not None and min(long.width, ENOUGH) <= console.width - start
    if not beside:
        shown, gap = _fit(shown, console.width)
        start = len(INDENT)
    lines = [_line([Cell(s.column.title) for s in shown], shown, gap, "bold")]
    if long and beside:
        lines[0].pad_right(start - lines[0].cell_len)
        lines[0].append(long.column.title)
    for number, _ in enumerate(table.rows):
        row = _line([s.cells[number] for s in shown], shown, gap)
        more = _wrapped(long.cells[number], start, console) if long else []
        if beside and more:
            row.pad_right(start - row.cell_len)
            row.append_text(more.pop(0)[start:])
        lines += [row, *more]
    for line in lines:
        line.rstrip()
        line.truncate(console.width)
    return lines


def _fit(shown: list[_Shown], width: int) -> tuple[list[_Shown], int]:
    """The columns that fit, and the gap between them: closer first, then cut, then fewer."""
    placed = column_layout.fit([s.column for s in shown], [s.width for s in shown], width, 1)
    fitted = [replace(next(s for s in shown if s.column is each.column), width=each.width) for each in placed]
    return fitted, 2 if _total(fitted, 2) <= width and all(s in shown for s in fitted) else 1


def _total(shown: list[_Shown], gap: int) -> int:
    return column_layout.total_width((s.width for s in shown), gap)


def _line(cells: list[Cell], shown: list[_Shown], gap: int, style: str = "") -> Text:
    line = Text(style=style)
    for number, (cell, s) in enumerate(zip(cells, shown, strict=True)):
        if number:
            line.append(" " * gap)
        line.append(
            fit_text(cell.text, s.width, right=s.column.right, cut_start=s.column.cut_start), COLOURS[cell.style]
        )
    return line


def _wrapped(cell: Cell, indent: int, console: Console) -> list[Text]:
    """Long text in as many lines as it takes, all of them that far to the right."""
    if not cell.text:
        return []
    parts = Text(cell.text, COLOURS[cell.style]).wrap(console, max(console.width - indent, 8))
    return [Text(" " * indent).append_text(part) for part in parts]
