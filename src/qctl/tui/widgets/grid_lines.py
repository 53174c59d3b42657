"""Lines of a grid, and a cache of their drawings: an unchanged line is not drawn again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from qctl.tui.widgets.grid_columns import GAP
from qctl.view import Cell
from qctl.view.column_layout import SizedColumn, fit_text

LINK_STYLE = Style(reverse=True, underline=True)
"""Style of the number that Enter opens, visible without colours too."""


@dataclass(frozen=True)
class GridLine:
    """One line: its gutter, its kind (`header`, `cursor` or empty), and its cells, cut to their widths. `link` is the
    index of the cell that Enter opens."""

    gutter: str
    kind: str = ""
    cells: tuple[Cell, ...] = ()
    link: int | None = None


def grid_line(
    gutter: str, kind: str, columns: Sequence[SizedColumn], cells: Sequence[Cell], link: str | None = None
) -> GridLine:
    """Make a line of these cells. `link` is the title of the column that Enter opens."""
    cut = tuple(
        Cell(fit_text(cell.text, sized.width, right=sized.column.right, cut_start=sized.column.cut_start), cell.style)
        for sized, cell in zip(columns, cells, strict=True)
    )
    titles = [sized.column.title for sized in columns]
    return GridLine(gutter, kind, cut, titles.index(link) if link in titles else None)


def header_line(columns: Sequence[SizedColumn], sorted_by: str | None, arrow: str) -> GridLine:
    """Make the line of titles. The arrow behind a title may take a cell of the gap, so that no title moves."""
    cells = []
    for sized in columns:
        title = sized.column.title + (arrow if sized.column.title == sorted_by else "")
        width = max(sized.width, min(cell_len(title), sized.width + GAP - 1))
        cells.append(Cell(fit_text(fit_text(title, width, right=sized.column.right), sized.width + GAP)))
    return GridLine("  ", "header", tuple(cells))


class LineRenderer:
    """Draws lines, and caches the drawings of the lines that are shown. `style` returns a style by its name, and the
    style of a line for ""."""

    def __init__(self, style: Callable[[str], Style]) -> None:
        self._find_style = style
        self._styles: dict[str, Style] = {}
        self._strips: dict[tuple[GridLine, int], Strip] = {}

    def clear(self) -> None:
        """Drop all drawings because the styles changed."""
        self._styles.clear()
        self._strips.clear()

    def evict_others(self, lines: Sequence[GridLine], width: int) -> None:
        """Drop the drawings of all lines but these."""
        wanted = {(line, width) for line in lines}
        self._strips = {key: strip for key, strip in self._strips.items() if key in wanted}

    def draw(self, line: GridLine, width: int) -> Strip:
        """Draw a line."""
        strip = self._strips.get((line, width))
        if strip is None:
            strip = self._strips[line, width] = self._draw(line, width)
        return strip

    def _draw(self, line: GridLine, width: int) -> Strip:
        base = self._style("") + self._style(line.kind)
        segments = [Segment(line.gutter, base)]
        for number, cell in enumerate(line.cells):
            style = base + self._style(cell.style) if cell.style and line.kind != "header" else base
            style = style + LINK_STYLE if number == line.link else style
            segments += [Segment(cell.text, style), Segment("" if line.kind == "header" else " " * GAP, base)]
        return Strip(segments).adjust_cell_length(width, base)

    def _style(self, name: str) -> Style:
        if name not in self._styles:
            self._styles[name] = self._find_style(name)
        return self._styles[name]
