"""Drawing a table on a terminal: every column where there is room, the ones that matter where there is not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.text import Text

from qctl.view import Cell, Column, Style, Table

COLOURS: dict[Style, str] = {"": "", "dim": "dim", "good": "green", "warn": "yellow", "bad": "red"}
INDENT = "  "

ENOUGH = 30
"""Width that long text must have beside its row; with less it stands under it."""

LEAST = 4
"""Width that a column which may be cut keeps on the narrowest screen."""


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
    while True:
        for gap in (2, 1):
            if _total(shown, gap) <= width:
                return shown, gap
        cut = _cut(shown, _total(shown, 1) - width)
        if _total(cut, 1) <= width:
            return cut, 1
        last = max(shown, key=lambda s: s.column.drop)
        if not last.column.drop:
            return _cut(shown, _total(shown, 1) - width, least=LEAST), 1
        shown = [s for s in shown if s is not last]


def _cut(shown: list[_Shown], excess: int, least: int | None = None) -> list[_Shown]:
    """The columns with `excess` cells taken from those that can be cut, always from the widest."""
    floors = [s.column.least and (least or s.column.least) for s in shown]
    widths = [s.width for s in shown]
    for _ in range(excess):
        room = [n for n, floor in enumerate(floors) if 0 < floor < widths[n]]
        if not room:
            break
        widths[max(room, key=lambda n: widths[n])] -= 1
    return [replace(s, width=width) for s, width in zip(shown, widths, strict=True)]


def _total(shown: list[_Shown], gap: int) -> int:
    return sum(s.width for s in shown) + gap * (len(shown) - 1)


def _line(cells: list[Cell], shown: list[_Shown], gap: int, style: str = "") -> Text:
    line = Text(style=style)
    for number, (cell, s) in enumerate(zip(cells, shown, strict=True)):
        if number:
            line.append(" " * gap)
        text = _sized(cell.text, s.width, s.column.cut_start)
        padding = " " * (s.width - cell_len(text))
        line.append(padding if s.column.right else "")
        line.append(text, COLOURS[cell.style])
        line.append("" if s.column.right else padding)
    return line


def _sized(text: str, width: int, cut_start: bool) -> str:
    if cell_len(text) <= width:
        return text
    if not cut_start:
        return set_cell_size(text, width - 1).rstrip() + "…"
    while cell_len(text) > width - 1:
        text = text[1:]
    return "…" + text


def _wrapped(cell: Cell, indent: int, console: Console) -> list[Text]:
    """Long text in as many lines as it takes, all of them that far to the right."""
    if not cell.text:
        return []
    parts = Text(cell.text, COLOURS[cell.style]).wrap(console, max(console.width - indent, 8))
    return [Text(" " * indent).append_text(part) for part in parts]
