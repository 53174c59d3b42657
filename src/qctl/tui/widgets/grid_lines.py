"""What the lines of a grid show, and how that is drawn: a line that shows what it showed is not drawn again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from qctl.tui.widgets.grid_columns import GAP
from qctl.view import Cell
from qctl.view.column_layout import SizedColumn, fit_text

CHOSEN = Style(reverse=True, underline=True)
"""A number that Enter would look into: to be told apart without colour too."""


@dataclass(frozen=True)
class Line:
    """One line: what stands before it, whether it is a `header` or under the `cursor`, and its cells as they are cut.
    `chosen` is the number of the cell that Enter would look into."""

    gutter: str
    kind: str = ""
    cells: tuple[Cell, ...] = ()
    chosen: int | None = None


def line(
    gutter: str, kind: str, placed: Sequence[SizedColumn], cells: Sequence[Cell], chosen: str | None = None
) -> Line:
    """The line of these cells, each as wide as its column. `chosen` is a title."""
    fitted = tuple(
        Cell(fit_text(cell.text, each.width, right=each.column.right, cut_start=each.column.cut_start), cell.style)
        for each, cell in zip(placed, cells, strict=True)
    )
    titles = [each.column.title for each in placed]
    return Line(gutter, kind, fitted, titles.index(chosen) if chosen in titles else None)


class Brush:
    """Draws lines, and keeps what it drew for as long as that is shown. `style` gives the style of a name, of a line
    for ""."""

    def __init__(self, style: Callable[[str], Style]) -> None:
        self._ask = style
        self._styles: dict[str, Style] = {}
        self._drawn: dict[tuple[Line, int], Strip] = {}

    def forget(self) -> None:
        """Styles are others now."""
        self._styles.clear()
        self._drawn.clear()

    def keep(self, lines: Sequence[Line], width: int) -> None:
        """Forget all other lines."""
        wanted = {(each, width) for each in lines}
        self._drawn = {key: strip for key, strip in self._drawn.items() if key in wanted}

    def draw(self, drawn: Line, width: int) -> Strip:
        """A line of the screen."""
        strip = self._drawn.get((drawn, width))
        if strip is None:
            strip = self._drawn[drawn, width] = self._draw(drawn, width)
        return strip

    def _draw(self, drawn: Line, width: int) -> Strip:
        base = self._style("") + self._style(drawn.kind)
        parts = [Segment(drawn.gutter, base)]
        for number, cell in enumerate(drawn.cells):
            style = base + self._style(cell.style) if drawn.kind != "header" else base
            parts += [Segment(cell.text, style + CHOSEN if number == drawn.chosen else style), Segment(" " * GAP, base)]
        return Strip(parts).adjust_cell_length(width, base)

    def _style(self, name: str) -> Style:
        if name not in self._styles:
            self._styles[name] = self._ask(name)
        return self._styles[name]
