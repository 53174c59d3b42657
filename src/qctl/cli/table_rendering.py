"""Rendering of tables on a terminal: all columns if there is room, else the most important ones."""

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
LONG_TEXT_INDENT = 2
"""Indentation (cells) of long text under its row."""

MIN_LONG_TEXT_WIDTH = 30
"""Width (cells) of long text beside its row. If less is left, it goes under the row."""


@dataclass(frozen=True)
class _RenderedColumn:
    """A column with its cells and its width."""

    column: Column[Any]
    cells: list[Cell]
    width: int

    @classmethod
    def of(cls, column: Column[Any], rows: Sequence[Any]) -> _RenderedColumn:
        cells = [column.cell(row) for row in rows]
        return cls(column, cells, max(cell_len(text) for text in (column.title, *(c.text for c in cells))))

    @property
    def has_text(self) -> bool:
        return any(cell.text for cell in self.cells)


def render(table: Table[Any], console: Console) -> list[Text]:
    """Render the lines of a table that has rows, for the width of `console`."""
    columns = [_RenderedColumn.of(column, table.rows) for column in table.columns]
    visible, gap = [rendered for rendered in columns if not rendered.column.long], 2
    long = next((rendered for rendered in columns if rendered.column.long and rendered.has_text), None)
    start = _total_width(visible, gap) + gap
    beside = long is not None and min(long.width, MIN_LONG_TEXT_WIDTH) <= console.width - start
    if not beside:
        visible, gap = _fit(visible, console.width)
        start = LONG_TEXT_INDENT
    lines = [_line([Cell(rendered.column.title) for rendered in visible], visible, gap, "bold")]
    if long and beside:
        lines[0].pad_right(start - lines[0].cell_len)
        lines[0].append(long.column.title)
    for index, _ in enumerate(table.rows):
        row = _line([rendered.cells[index] for rendered in visible], visible, gap)
        wrapped = _wrap(long.cells[index], start, console) if long else []
        if beside and wrapped:
            row.pad_right(start - row.cell_len)
            row.append_text(wrapped.pop(0)[start:])
        lines += [row, *wrapped]
    for line in lines:
        line.rstrip()
        line.truncate(console.width)
    return lines


def _fit(columns: list[_RenderedColumn], width: int) -> tuple[list[_RenderedColumn], int]:
    """Return the columns that fit and their gap: a smaller gap first, then truncated columns, then fewer."""
    widths = {
        id(sized.column): sized.width
        for sized in column_layout.fit(
            [rendered.column for rendered in columns], [rendered.width for rendered in columns], width, 1
        )
    }
    fitted = [
        replace(rendered, width=widths[id(rendered.column)]) for rendered in columns if id(rendered.column) in widths
    ]
    unchanged = all(rendered in columns for rendered in fitted)
    return fitted, 2 if _total_width(fitted, 2) <= width and unchanged else 1


def _total_width(columns: list[_RenderedColumn], gap: int) -> int:
    return column_layout.total_width((rendered.width for rendered in columns), gap)


def _line(cells: list[Cell], columns: list[_RenderedColumn], gap: int, style: str = "") -> Text:
    line = Text(style=style)
    for index, (cell, rendered) in enumerate(zip(cells, columns, strict=True)):
        if index:
            line.append(" " * gap)
        column = rendered.column
        text = fit_text(cell.text, rendered.width, right=column.right, cut_start=column.cut_start)
        line.append(text, COLOURS[cell.style])
    return line


def _wrap(cell: Cell, indent: int, console: Console) -> list[Text]:
    """Wrap long text into as many lines as needed, all indented."""
    if not cell.text:
        return []
    parts = Text(cell.text, COLOURS[cell.style]).wrap(console, max(console.width - indent, 8))
    return [Text(" " * indent).append_text(part) for part in parts]
