"""A table that stays still: rows come, change and go, and the selected one remains selected.

Only rows that can be seen are made into cells, so a thousand queues cost what twenty do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from qctl.tui.fitting import GAP, Placed, cut, fit
from qctl.view import Cell, Column

CHOSEN = Style(reverse=True, underline=True)
"""A number that Enter would look into: to be told apart without colour too."""

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
        self._placed: list[Placed] = []
        self._empty = "reading ..."

    # --- what is shown ----------------------------------------------------------------------------------

    def fill(self, rows: Sequence[Any], now: datetime) -> None:
        """Show these rows. The selected one stays where it is on the screen, whatever comes before it."""
        self._all, self._now, self._empty = rows, now, self.source.empty
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
        self.virtual_size = Size(self.size.width, len(self.shown) + 1)
        if was in places and self._index != before and self.scroll_offset.y:
            self.scroll_to(y=max(0, self.scroll_offset.y + self._index - before), animate=False, immediate=True)
        if was is not None and self.shown:
            self._key = key(self.shown[self._index])
            self._follow_cursor()
        self._place()
        self._tell()
        self.refresh()

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
        """Give each column its room. Columns grow and do not shrink while one looks at them."""
        first = int(self.scroll_offset.y)
        window = self.shown[first : first + max(self.size.height, 1)]
        columns = self.columns
        for column in columns:
            title = column.title + (" v" if self.sort_by == column.title else "")
            texts = [column.cell(row).text for row in window]
            if column.long:
                self._widths[column.title] = max((cell_len(text) for text in texts), default=0)
            else:
                before = self._widths.get(column.title, 0)
                self._widths[column.title] = max(before, cell_len(title), *(cell_len(text) for text in texts), 0)
        self._placed = fit(columns, self._widths, max(1, self.size.width - GUTTER - 1))

    def on_resize(self) -> None:
        """There is another room for columns."""
        self._widths.clear()
        self._arrange()
        self._follow_cursor()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Other rows are seen: their cells may be wider."""
        super().watch_scroll_y(old_value, new_value)
        self._place()

    def render_line(self, y: int) -> Strip:
        """One line of the screen: the header, or a row."""
        width = self.size.width
        if y == 0:
            return self._line([self._heading(placed.column) for placed in self._placed], "header", "  ", width)
        number = y - 1 + int(self.scroll_offset.y)
        if number < len(self.shown):
            row = self.shown[number]
            selected = number == self._index
            gutter = (">" if selected else " ") + ("*" if self.source.key(row) in self.marks else " ")
            return self._line([p.column.cell(row) for p in self._placed], "cursor" if selected else "", gutter, width)
        said = ""
        if number == 0:
            said = "  " + (f"nothing holds {self.filter_text}" if self._all else self._empty)
        return Strip([Segment(cut(said, width), self.rich_style)])

    def _heading(self, column: Column[Any]) -> Cell:
        if column.title != self.sort_by:
            return Cell(column.title)
        down = (column.title in self.source.reverse) != self.inverted
        return Cell(f"{column.title} {'v' if down else '^'}")

    def _line(self, cells: Sequence[Cell], kind: str, gutter: str, width: int) -> Strip:
        base = self.rich_style + (self.get_component_rich_style(f"grid--{kind}", partial=True) if kind else None)
        parts = [Segment(gutter, base)]
        for placed, cell in zip(self._placed, cells, strict=True):
            style = base
            if cell.style and kind != "header":
                style = base + self.get_component_rich_style(f"grid--{cell.style}", partial=True)
            if kind == "cursor" and placed.column.title == self._title and self.has_focus:
                style += CHOSEN
            text = cut(cell.text, placed.width, right=placed.column.right, start=placed.column.cut_start)
            parts += [Segment(text, style), Segment(" " * GAP, base)]
        return Strip(parts).adjust_cell_length(width, base)

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
        self.refresh()

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
        self.refresh()

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
        self.refresh()

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
