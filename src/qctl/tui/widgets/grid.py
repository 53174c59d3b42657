"""A table whose rows come, change and go while the selected row stays selected.

Only visible rows are made into cells, so that a thousand queues cost as much as twenty, and only changed lines are
drawn.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, ClassVar

from rich.cells import cell_len
from rich.style import Style
from textual import events
from textual.binding import Binding
from textual.content import Content
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.widget import Widget

from qctl.safe import escape_line
from qctl.tui.widgets.grid_columns import GAP, fit
from qctl.tui.widgets.grid_lines import GridLine, LineRenderer, grid_line, header_line
from qctl.view import Cell, Column
from qctl.view.column_layout import SizedColumn, fit_text

GUTTER_WIDTH = 2
"""Cells before a row: `>` for the selected row, `✓` for a marked one."""


RIGHT_BUTTON = 3


@dataclass(frozen=True)
class GridSpec:
    """Definition of a grid. `key` identifies a row, and `empty` is shown without rows.

    `sorts` holds the sort key of each column that rows can be sorted by; columns in `descending` start with the largest
    value. `links` are the titles of columns whose numbers can be opened.
    """

    columns: Callable[[datetime], Sequence[Column[Any]]]
    key: Callable[[Any], str]
    empty: str
    sorts: Mapping[str, Callable[[Any], Any]]
    descending: frozenset[str] = frozenset()
    links: frozenset[str] = frozenset()


class Grid(ScrollView, can_focus=True):
    """Rows of one kind below a header that does not scroll."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        f"grid--{name}" for name in ("header", "cursor", "dim", "good", "warn", "bad")
    }
    DEFAULT_CSS = """
    Grid { height: 1fr; background: $surface; color: $foreground; scrollbar-size-vertical: 1; overflow-x: hidden;
        border: round $frame; border-title-color: $text-muted; border-subtitle-color: $text-muted; }
    Grid:focus { border: round $frame-focused; border-title-color: $text-primary; border-title-style: bold; }
    Grid > .grid--header { text-style: bold; color: $text-muted; }
    Grid > .grid--cursor { background: $cursor-blurred; }
    Grid:focus > .grid--cursor { text-style: bold; background: $cursor; }
    Grid > .grid--dim { color: $text-muted; }
    Grid > .grid--good { color: $text-success; }
    Grid > .grid--warn { color: $text-warning; }
    Grid > .grid--bad { color: $text-error; }
    """
    BINDINGS: ClassVar[list[Any]] = [
        Binding("up,k", "move(-1)", show=False),
        Binding("down,j", "move(1)", show=False),
        Binding("pageup", "page(-1)", show=False),
        Binding("pagedown", "page(1)", show=False),
        Binding("home", "end(-1)", show=False),
        Binding("end,G", "end(1)", show=False),
        Binding("left", "choose_link(-1)", show=False),
        Binding("right", "choose_link(1)", show=False),
        Binding("enter", "open", show=False),
    ]

    @dataclass
    class Moved(Message):
        """Another row is selected, None if there are no rows."""

        grid: Grid
        row: Any

        @property
        def control(self) -> Grid:
            """The grid, for `@on` with a selector."""
            return self.grid

    @dataclass
    class Opened(Moved):
        """A row is opened, or the number in the column `title` of it."""

        title: str | None = None

    @dataclass
    class MenuRequested(Moved):
        """The acts on a row are asked for, at a position `x`, `y` of the screen."""

        x: int = 0
        y: int = 0

    def __init__(self, spec: GridSpec, *, id: str | None = None, title: str = "") -> None:
        super().__init__(id=id)
        self.set_title(title)
        self.spec = spec
        self.filter_text = ""
        self.sort_by: str | None = None
        self.inverted = False
        self.rows: list[Any] = []
        self.marks: set[str] = set()
        self._all: Sequence[Any] = ()
        self._now = datetime.now(timezone.utc)
        self._index = 0
        self._link: str | None = None
        self._key: str | None = None
        self._moved_to: str | None = None
        self._widths: dict[str, int] = {}
        self._columns: list[SizedColumn] = []
        self._cells: list[list[Cell]] = []
        self._lines: list[GridLine] = []
        self._renderer = LineRenderer(self._style)
        self._empty = "reading ..."

    def set_title(self, title: str, subtitle: str = "") -> None:
        """Write into the frame, at its top and at its bottom."""
        self.border_title, self.border_subtitle = Content(escape_line(title)), Content(escape_line(subtitle))

    # --- rows -------------------------------------------------------------------------------------------

    def fill(self, rows: Sequence[Any], now: datetime, empty: str | None = None) -> None:
        """Show these rows. The selected one keeps its place on the screen, whatever comes before it. `empty` replaces
        the text of the spec that is shown without rows."""
        self._all, self._now, self._empty = rows, now, escape_line(empty or self.spec.empty)
        self._arrange()

    @property
    def columns(self) -> Sequence[Column[Any]]:
        """All columns, including those that do not fit."""
        return self.spec.columns(self._now)

    def _arrange(self) -> None:
        key = self.spec.key
        before, was = self._index, self._key
        self.rows = self._sorted([row for row in self._all if self._matches(row)])
        places = {key(row): number for number, row in enumerate(self.rows)}
        self.marks &= {key(row) for row in self._all} if self.marks else set()
        if was is not None:
            self._index = places.get(was, before)
        self._index = max(0, min(self._index, len(self.rows) - 1))
        self._set_height(len(self.rows) + 1)
        if was in places and self._index != before and self.scroll_offset.y:
            self.scroll_to(y=max(0, self.scroll_offset.y + self._index - before), animate=False, immediate=True)
        if was is not None and self.rows:
            self._key = key(self.rows[self._index])
            self._follow_cursor()
        self._fit_columns()
        self._post_moved()

    def _set_height(self, lines: int) -> None:
        """Set the number of lines. The layout is computed again only if the scroll bar may appear, vanish or move."""
        size = Size(self.size.width, lines)
        if self.show_vertical_scrollbar and lines - self.size.height > self.scroll_offset.y:
            self.set_reactive(Widget.virtual_size, size)
            self.vertical_scrollbar.window_virtual_size = lines
        else:
            self.virtual_size = size

    def _matches(self, row: Any) -> bool:
        pattern = self.filter_text.strip().lower()
        if pattern in ("", "!"):
            return True
        contained = any(pattern.lstrip("!") in column.cell(row).text.lower() for column in self.columns)
        return contained != pattern.startswith("!")

    def _sorted(self, rows: list[Any]) -> list[Any]:
        if self.sort_by is None:
            return rows[::-1] if self.inverted else rows
        value, descending = self.spec.sorts[self.sort_by], self.sort_by in self.spec.descending
        known = [row for row in rows if value(row) is not None]
        known.sort(key=value, reverse=descending != self.inverted)
        return known + [row for row in rows if value(row) is None]

    def _fit_columns(self) -> None:
        """Make the visible rows into cells, and size the columns. A column only grows until a key sorts the rows or the
        grid is resized."""
        first = int(self.scroll_offset.y)
        columns = self.columns
        window = [
            [column.cell(row) for column in columns] for row in self.rows[first : first + max(self.size.height, 1)]
        ]
        for number, column in enumerate(columns):
            widest = max((cell_len(cells[number].text) for cells in window), default=0)
            if not column.long:
                widest = max(self._widths.get(column.title, 0), cell_len(column.title), widest)
            self._widths[column.title] = widest
        self._columns = fit(columns, self._widths, max(1, self.size.width - GUTTER_WIDTH - 1))
        numbers = {column.title: number for number, column in enumerate(columns)}
        self._cells = [[cells[numbers[sized.column.title]] for sized in self._columns] for cells in window]
        self._draw()

    def _draw(self) -> None:
        """Draw changed lines."""
        lines = [self._line(y) for y in range(self.size.height)]
        before, self._lines = self._lines, lines
        self._renderer.evict_others(lines, self.size.width)
        if len(before) != len(lines):
            self.refresh()
            return
        changed = [y for y, (old, new) in enumerate(zip(before, lines, strict=True)) if old != new]
        if changed:
            self.refresh(*(Region(0, y, self.size.width, 1) for y in changed))

    def on_resize(self) -> None:
        """Size the columns for another width."""
        self._widths.clear()
        self._arrange()
        self._follow_cursor()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Size the columns for the rows that became visible."""
        super().watch_scroll_y(old_value, new_value)
        self._fit_columns()

    def watch_has_focus(self, _has_focus: bool) -> None:
        """Show the chosen link only if keys apply to this grid."""
        super().watch_has_focus(_has_focus)
        self._draw()

    def notify_style_update(self) -> None:
        """Draw all lines again after a change of theme or focus."""
        self._renderer.clear()
        super().notify_style_update()

    def _style(self, name: str) -> Style:
        if not name:
            return self.rich_style
        style = self.get_component_rich_style(f"grid--{name}", partial=True)
        # A cell has the background of its row, so that the selected row is one bar.
        return style if name == "cursor" else Style(color=style.color, bold=style.bold)

    def render_line(self, y: int) -> Strip:
        """Render one line of the screen: the header, or a row."""
        return self._renderer.draw(self._lines[y] if y < len(self._lines) else self._line(y), self.size.width)

    def _line(self, y: int) -> GridLine:
        """The content of a line of the screen."""
        if y == 0 and not self._all:
            return GridLine(fit_text(f" {self._empty}", self.size.width), "dim")
        if y == 0:
            return header_line(self._columns, self.sort_by, "▾" if self._descends else "▴")
        number = y - 1 + int(self.scroll_offset.y)
        if number < len(self.rows) and y <= len(self._cells):
            selected = number == self._index
            marked = self.spec.key(self.rows[number]) in self.marks
            gutter = (">" if selected else " ") + ("✓" if marked else " ")
            link = self._link if selected and self.has_focus else None
            return grid_line(gutter, "cursor" if selected else "", self._columns, self._cells[y - 1], link)
        text = ""
        if number == 0 and self._all:
            text = f"  no row contains {self.filter_text}"
        return GridLine(fit_text(text, self.size.width))

    @property
    def _descends(self) -> bool:
        """True if the largest value comes first."""
        return (self.sort_by in self.spec.descending) != self.inverted

    # --- selection --------------------------------------------------------------------------------------

    @property
    def current(self) -> Any:
        """The row of the cursor, None if there are no rows."""
        return self.rows[self._index] if self.rows else None

    @property
    def selected(self) -> list[Any]:
        """The marked rows, else the row of the cursor."""
        marked = [row for row in self._all if self.spec.key(row) in self.marks]
        return marked or ([self.current] if self.rows else [])

    def select(self, key: str) -> None:
        """Move the cursor to the row with this key, now or when the next rows contain it."""
        self._key = key
        self._arrange()
        self._follow_cursor()

    def toggle_mark(self) -> None:
        """Mark or unmark the row of the cursor, and move to the next."""
        if self.current is not None:
            self.marks ^= {self.spec.key(self.current)}
            self._move_to(self._index + 1)

    def clear_marks(self) -> None:
        """Unmark all rows."""
        self.marks.clear()
        self._draw()

    def sort_next(self) -> str:
        """Sort by the next column. Returns its title."""
        names = [None, *self.spec.sorts]
        self.sort_by = names[(names.index(self.sort_by) + 1) % len(names)]
        self._widths.clear()
        self._arrange()
        return self.sort_by or "default order"

    def invert(self) -> None:
        """Reverse the order."""
        self.inverted = not self.inverted
        self._arrange()

    def set_filter(self, text: str) -> None:
        """Show only rows that contain this text; with `!` before it, only rows that do not."""
        self.filter_text = text
        self._arrange()

    def _move_to(self, number: int) -> None:
        self._index = max(0, min(number, len(self.rows) - 1))
        self._key = self.spec.key(self.rows[self._index]) if self.rows else None
        self._follow_cursor()
        self._post_moved()
        self._draw()

    def _follow_cursor(self) -> None:
        top, room = int(self.scroll_offset.y), max(1, self.size.height - 1)
        if self._index < top:
            self.scroll_to(y=self._index, animate=False, immediate=True)
        elif self._index >= top + room:
            self.scroll_to(y=self._index - room + 1, animate=False, immediate=True)

    def _post_moved(self) -> None:
        key = self.spec.key(self.current) if self.current is not None else None
        if key != self._moved_to:
            self._moved_to = key
            self.post_message(self.Moved(self, self.current))

    def action_move(self, by: int) -> None:
        """Move the cursor by lines."""
        self._move_to(self._index + by)

    def action_page(self, by: int) -> None:
        """Move the cursor by screens."""
        self._move_to(self._index + by * max(1, self.size.height - 2))

    def action_end(self, to: int) -> None:
        """Move the cursor to the first or last row."""
        self._move_to(0 if to < 0 else len(self.rows) - 1)
        if to < 0:
            self._key = None  # stay at the top when rows come before this one

    def action_choose_link(self, by: int) -> None:
        """Choose the next number of the row that can be opened; after the last one, the row itself."""
        titles = [None, *(c.column.title for c in self._columns if c.column.title in self.spec.links)]
        at = titles.index(self._link) if self._link in titles else 0
        self._link = titles[(at + by) % len(titles)]
        self._draw()

    def action_open(self) -> None:
        """Open the row of the cursor, or its chosen number."""
        if self.current is not None:
            self.post_message(self.Opened(self, self.current, self._link))

    def on_click(self, event: events.Click) -> None:
        """Move the cursor; open at a double click, ask for a menu at a right click. On a title: sort by it, or reverse
        the order if it is sorted by."""
        at = event.get_content_offset(self)
        if at is None:
            return
        number, title = at.y - 1 + int(self.scroll_offset.y), self._title_at(at.x)
        if not at.y:
            self._sort_by(title)
        elif number < len(self.rows):
            self._link = title if title in self.spec.links else None
            self._move_to(number)
            if event.button == RIGHT_BUTTON:
                self.post_message(self.MenuRequested(self, self.current, event.screen_x, event.screen_y))
            elif event.chain == 2:
                self.action_open()

    def _title_at(self, x: int) -> str | None:
        """The title of the column at a position of the screen."""
        at = GUTTER_WIDTH
        for sized in self._columns:
            if at <= x < at + sized.width:
                return sized.column.title
            at += sized.width + GAP
        return None

    def _sort_by(self, title: str | None) -> None:
        if title in self.spec.sorts:
            self.inverted = title == self.sort_by and not self.inverted
            self.sort_by = title
            self._arrange()
