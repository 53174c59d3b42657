"""A table that stays still: rows come, change and go, and the selected one remains selected.

Only rows that can be seen are made into cells, so a thousand queues cost what twenty do; and only lines that changed
are drawn.
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
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.widget import Widget

from qctl.safe import escape_line
from qctl.tui.widgets.grid_columns import GAP, fit
from qctl.tui.widgets.grid_lines import Brush, Line, line
from qctl.view import Cell, Column
from qctl.view.column_layout import SizedColumn, fit_text

GUTTER = 2
"""Cells before a row: `>` the selected one, `*` a marked one."""


@dataclass(frozen=True)
class Source:
    """What a grid shows: its columns, what tells its rows apart, and by what they are sorted, the biggest first
    where `reverse` names it. `leads` are the titles of columns whose numbers can be looked into."""

    columns: Callable[[datetime], Sequence[Column[Any]]]
    key: Callable[[Any], str]
    empty: str
    sorts: Mapping[str, Callable[[Any], Any]]
    reverse: frozenset[str] = frozenset()
    leads: frozenset[str] = frozenset()


class Grid(ScrollView, can_focus=True):
    """Rows of one kind under a header that does not scroll."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        f"grid--{name}" for name in ("header", "cursor", "dim", "good", "warn", "bad")
    }
    DEFAULT_CSS = """
    Grid { height: 1fr; background: $surface; color: $foreground; scrollbar-size-vertical: 1; overflow-x: hidden; }
    Grid > .grid--header { text-style: bold; color: $text-muted; }
    Grid > .grid--cursor { text-style: bold; background: $panel; }
    Grid:focus > .grid--cursor { background: $primary-muted; }
    Grid:focus > .grid--header { color: $foreground; text-style: bold underline; }
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
        Binding("left", "choose(-1)", show=False),
        Binding("right", "choose(1)", show=False),
        Binding("enter", "open", show=False),
    ]

    @dataclass
    class Moved(Message):
        """Another row is selected, None where there is none."""

        grid: Grid
        row: Any

        @property
        def control(self) -> Grid:
            """The grid, for `@on` with a selector."""
            return self.grid

    @dataclass
    class Opened(Moved):
        """Somebody wants to look into a row, or into the number under this title."""

        title: str | None = None

    def __init__(self, source: Source, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.source = source
        self.filter_text = ""
        self.sort_by: str | None = None
        self.inverted = False
        self.shown: list[Any] = []
        self.marks: set[str] = set()
        self._all: Sequence[Any] = ()
        self._now = datetime.now(timezone.utc)
        self._index = 0
        self._title: str | None = None
        self._key: str | None = None
        self._told: str | None = None
        self._widths: dict[str, int] = {}
        self._placed: list[SizedColumn] = []
        self._cells: list[list[Cell]] = []
        self._lines: list[Line] = []
        self._brush = Brush(self._style)
        self._empty = "reading ..."

    # --- what is shown ----------------------------------------------------------------------------------

    def fill(self, rows: Sequence[Any], now: datetime, empty: str | None = None) -> None:
        """Show these rows. The selected one stays where it is on the screen, whatever comes before it. `empty` is said
        where there are none, instead of what the source says then."""
        self._all, self._now, self._empty = rows, now, escape_line(empty or self.source.empty)
        self._arrange()

    @property
    def columns(self) -> Sequence[Column[Any]]:
        """All columns, shown or not."""
        return self.source.columns(self._now)

    def _arrange(self) -> None:
        key = self.source.key
        before, was = self._index, self._key
        self.shown = self._sorted([row for row in self._all if self._matches(row)])
        places = {key(row): number for number, row in enumerate(self.shown)}
        self.marks &= {key(row) for row in self._all} if self.marks else set()
        if was is not None:
            self._index = places.get(was, before)
        self._index = max(0, min(self._index, len(self.shown) - 1))
        self._make_room(len(self.shown) + 1)
        if was in places and self._index != before and self.scroll_offset.y:
            self.scroll_to(y=max(0, self.scroll_offset.y + self._index - before), animate=False, immediate=True)
        if was is not None and self.shown:
            self._key = key(self.shown[self._index])
            self._follow_cursor()
        self._place()
        self._tell()

    def _make_room(self, lines: int) -> None:
        """There are so many lines. The screen is arranged anew only where the scroll bar may come or go, or move."""
        size = Size(self.size.width, lines)
        if self.show_vertical_scrollbar and lines - self.size.height > self.scroll_offset.y:
            self.set_reactive(Widget.virtual_size, size)
            self.vertical_scrollbar.window_virtual_size = lines
        else:
            self.virtual_size = size

    def _matches(self, row: Any) -> bool:
        wanted = self.filter_text.strip().lower()
        if wanted in ("", "!"):
            return True
        there = any(wanted.lstrip("!") in column.cell(row).text.lower() for column in self.columns)
        return there != wanted.startswith("!")

    def _sorted(self, rows: list[Any]) -> list[Any]:
        if self.sort_by is None:
            return rows[::-1] if self.inverted else rows
        value, backwards = self.source.sorts[self.sort_by], self.sort_by in self.source.reverse
        known = [row for row in rows if value(row) is not None]
        known.sort(key=value, reverse=backwards != self.inverted)
        return known + [row for row in rows if value(row) is None]

    def _place(self) -> None:
        """Make the rows that can be seen into cells, and give each column its room. Columns grow and do not shrink
        while one looks at them."""
        first = int(self.scroll_offset.y)
        columns = self.columns
        window = [
            [column.cell(row) for column in columns] for row in self.shown[first : first + max(self.size.height, 1)]
        ]
        for number, column in enumerate(columns):
            title = column.title + (" v" if self.sort_by == column.title else "")
            widest = max((cell_len(cells[number].text) for cells in window), default=0)
            if not column.long:
                widest = max(self._widths.get(column.title, 0), cell_len(title), widest)
            self._widths[column.title] = widest
        self._placed = fit(columns, self._widths, max(1, self.size.width - GUTTER - 1))
        numbers = {column.title: number for number, column in enumerate(columns)}
        self._cells = [[cells[numbers[placed.column.title]] for placed in self._placed] for cells in window]
        self._draw()

    def _draw(self) -> None:
        """Draw the lines that changed."""
        lines = [self._line(y) for y in range(self.size.height)]
        before, self._lines = self._lines, lines
        self._brush.keep(lines, self.size.width)
        if len(before) != len(lines):
            self.refresh()
            return
        changed = [y for y, (old, new) in enumerate(zip(before, lines, strict=True)) if old != new]
        if changed:
            self.refresh(*(Region(0, y, self.size.width, 1) for y in changed))

    def on_resize(self) -> None:
        """There is another room for columns."""
        self._widths.clear()
        self._arrange()
        self._follow_cursor()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Other rows are seen: their cells may be wider."""
        super().watch_scroll_y(old_value, new_value)
        self._place()

    def watch_has_focus(self, _has_focus: bool) -> None:
        """The chosen number is shown only where keys are meant for this grid."""
        super().watch_has_focus(_has_focus)
        self._draw()

    def notify_style_update(self) -> None:
        """Another theme, or the focus."""
        self._brush.forget()
        super().notify_style_update()

    def _style(self, name: str) -> Style:
        return self.get_component_rich_style(f"grid--{name}", partial=True) if name else self.rich_style

    def render_line(self, y: int) -> Strip:
        """One line of the screen: the header, or a row."""
        return self._brush.draw(self._lines[y] if y < len(self._lines) else self._line(y), self.size.width)

    def _line(self, y: int) -> Line:
        """What a line of the screen shows."""
        if y == 0:
            return line("  ", "header", self._placed, [self._heading(placed.column) for placed in self._placed])
        number = y - 1 + int(self.scroll_offset.y)
        if number < len(self.shown) and y <= len(self._cells):
            selected = number == self._index
            marked = self.source.key(self.shown[number]) in self.marks
            gutter = (">" if selected else " ") + ("*" if marked else " ")
            chosen = self._title if selected and self.has_focus else None
            return line(gutter, "cursor" if selected else "", self._placed, self._cells[y - 1], chosen)
        said = ""
        if number == 0:
            said = "  " + (f"nothing holds {self.filter_text}" if self._all else self._empty)
        return Line(fit_text(said, self.size.width))

    def _heading(self, column: Column[Any]) -> Cell:
        if column.title != self.sort_by:
            return Cell(column.title)
        down = (column.title in self.source.reverse) != self.inverted
        return Cell(f"{column.title} {'v' if down else '^'}")

    # --- what is selected -------------------------------------------------------------------------------

    @property
    def current(self) -> Any:
        """The selected row, None where there is none."""
        return self.shown[self._index] if self.shown else None

    @property
    def chosen(self) -> list[Any]:
        """The marked rows, else the selected one."""
        marked = [row for row in self._all if self.source.key(row) in self.marks]
        return marked or ([self.current] if self.shown else [])

    def select(self, key: str) -> None:
        """Select the row with this key, now or when it comes with the next rows."""
        self._key = key
        self._arrange()
        self._follow_cursor()

    def mark(self) -> None:
        """Mark the selected row or take its mark away, and go on to the next."""
        if self.current is not None:
            self.marks ^= {self.source.key(self.current)}
            self._go(self._index + 1)

    def unmark(self) -> None:
        """Take all marks away."""
        self.marks.clear()
        self._draw()

    def next_sort(self) -> str:
        """Sort by the next of what one can sort by. Returns its name."""
        names = [None, *self.source.sorts]
        self.sort_by = names[(names.index(self.sort_by) + 1) % len(names)]
        self._widths.clear()
        self._arrange()
        return self.sort_by or "as it comes"

    def invert(self) -> None:
        """Turn the order round."""
        self.inverted = not self.inverted
        self._arrange()

    def keep(self, text: str) -> None:
        """Show only rows that hold this text."""
        self.filter_text = text
        self._arrange()

    def _go(self, number: int) -> None:
        self._index = max(0, min(number, len(self.shown) - 1))
        self._key = self.source.key(self.shown[self._index]) if self.shown else None
        self._follow_cursor()
        self._tell()
        self._draw()

    def _follow_cursor(self) -> None:
        top, room = int(self.scroll_offset.y), max(1, self.size.height - 1)
        if self._index < top:
            self.scroll_to(y=self._index, animate=False, immediate=True)
        elif self._index >= top + room:
            self.scroll_to(y=self._index - room + 1, animate=False, immediate=True)

    def _tell(self) -> None:
        now = self.source.key(self.current) if self.current is not None else None
        if now != self._told:
            self._told = now
            self.post_message(self.Moved(self, self.current))

    def action_move(self, by: int) -> None:
        """Up and down."""
        self._go(self._index + by)

    def action_page(self, by: int) -> None:
        """By the screen."""
        self._go(self._index + by * max(1, self.size.height - 2))

    def action_end(self, to: int) -> None:
        """To the first or last row."""
        self._go(0 if to < 0 else len(self.shown) - 1)
        if to < 0:
            self._key = None  # the top: what comes newly there is looked at

    def action_choose(self, by: int) -> None:
        """The next number of the row that can be looked into; after the last the row as a whole."""
        titles = [None, *(p.column.title for p in self._placed if p.column.title in self.source.leads)]
        at = titles.index(self._title) if self._title in titles else 0
        self._title = titles[(at + by) % len(titles)]
        self._draw()

    def action_open(self) -> None:
        """Look into the selected row, or the chosen number of it."""
        if self.current is not None:
            self.post_message(self.Opened(self, self.current, self._title))

    def on_click(self, event: events.Click) -> None:
        """Select by the mouse; twice opens. On a title: sort by it, and again the other way round."""
        number, title = event.y - 1 + int(self.scroll_offset.y), self._under(event.x)
        if not event.y:
            self._sort_by(title)
        elif number < len(self.shown):
            self._title = title if title in self.source.leads else None
            self._go(number)
            if event.chain == 2:
                self.action_open()

    def _under(self, x: int) -> str | None:
        """The title of the column at a place of the screen."""
        at = GUTTER
        for placed in self._placed:
            if at <= x < at + placed.width:
                return placed.column.title
            at += placed.width + GAP
        return None

    def _sort_by(self, title: str | None) -> None:
        if title in self.source.sorts:
            self.inverted = title == self.sort_by and not self.inverted
            self.sort_by = title
            self._widths.clear()
            self._arrange()
