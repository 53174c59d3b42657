"""One screen of the monitor: what it reads, how it shows that, and what can be done on it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, is_dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, ClassVar

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from qctl.models import Event
from qctl.safe import inert_line, redact
from qctl.tui.acts import Act
from qctl.tui.dialogs import ActDialog, Field, Sheet
from qctl.tui.grid import Grid, Source

if TYPE_CHECKING:
    from qctl.ops import Ops
    from qctl.tui.app import Monitor


COMPLETED = 2000
"""Rows whose names complete a filter."""


class Page(Vertical):
    """Base of all screens.

    `read` runs in a thread and may wait for Redis; all else runs where widgets are. A page that can do what a key of
    `keys.KEYS` asks for has a method `do_VERB`.
    """

    DEFAULT_CSS = """
    Page { height: 1fr; }
    Page > .heading { height: 1; color: $text-muted; text-style: bold; padding: 0 2; }
    """

    digit: ClassVar[str]
    heading: ClassVar[str]

    class Asked(Message):
        """The page shows something else now, and wants to be read at once."""

    @property
    def monitor(self) -> Monitor:
        """The app."""
        app: Any = self.app
        return app  # type: ignore[no-any-return]

    @property
    def ops(self) -> Ops:
        """What can be asked and done."""
        return self.monitor.ops

    def read(self, ops: Ops) -> Any:
        """Everything that the page shows. Called in a thread: it must not touch widgets."""
        raise NotImplementedError

    def present(self, data: Any, now: datetime) -> None:
        """Show what `read` returned."""
        raise NotImplementedError

    def heard(self, events: Sequence[Event]) -> None:
        """Events came. What they changed is read again anyway."""

    # --- acting -----------------------------------------------------------------------------------------

    def ask(self, build: Callable[[Mapping[str, str]], Act], fields: Sequence[Field] = ()) -> None:
        """Ask, and do it where that is wanted. Refused before anything is typed where nothing may be changed."""
        if not self.monitor.may_act():
            return
        self.app.push_screen(ActDialog(build, fields), self.monitor.perform)

    def propose(self, act: Act) -> None:
        """Ask for an act that needs nothing typed but maybe a name."""
        fields = [Field("confirm", f"Type {inert_line(act.confirm)} to go on:")] if act.confirm else []
        self.ask(lambda _: act, fields)


class GridPage(Page):
    """A screen with one grid or several."""

    @property
    def grid(self) -> Grid:
        """The grid that keys mean: the focused one, else the first."""
        focused = self.app.focused
        return focused if isinstance(focused, Grid) and focused in self.query(Grid) else self.query(Grid).first()

    def on_grid_opened(self, message: Grid.Opened) -> None:
        """Enter: look into a row."""
        message.stop()
        self.open(message.row)

    def open(self, row: Any) -> None:
        """Show all that is known of a row: as it was read, unless the page knows better."""
        self.app.push_screen(Sheet("JSON", as_json(row)))

    def do_mark(self) -> None:
        """Space."""
        self.grid.mark()

    def do_sort(self) -> None:
        """The next column."""
        self.monitor.tell(f"sorted: {self.grid.next_sort()}" if self.grid.source.sorts else "there is one order here")

    def do_invert(self) -> None:
        """The other way round."""
        self.grid.invert()

    def do_json(self) -> None:
        """The row as data."""
        rows = self.grid.chosen
        if rows:
            text = "\n".join(as_json(row) for row in rows)
            self.app.copy_to_clipboard(text)
            self.app.push_screen(Sheet("JSON (copied, where the terminal allows it)", text))

    def do_filter(self) -> None:
        """Ask for a text that rows must hold."""
        grid = self.grid
        words = [grid.columns[0].cell(row).text for row in grid.shown[:COMPLETED]]
        self.monitor.prompt("/", grid.filter_text, "show rows that hold this; !text: that do not", words)


class TablePage(GridPage):
    """A screen that is one table."""

    source: ClassVar[Source]

    def compose(self) -> ComposeResult:
        """The table."""
        yield Grid(self.source)

    def rows(self, data: Any) -> Sequence[Any]:
        """The rows of what was read."""
        found: Sequence[Any] = data
        return found

    def present(self, data: Any, now: datetime) -> None:
        """Fill the table."""
        self.query_one(Grid).fill(self.rows(data), now)


def heading(text: str) -> Static:
    """The line over a part of a screen."""
    return Static(Content(text), classes="heading")


def as_json(row: Any) -> str:
    """A model as JSON, secrets taken out."""
    data = asdict(row) if is_dataclass(row) and not isinstance(row, type) else row
    return redact(json.dumps(data, indent=2, default=_plain, ensure_ascii=True))


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(timezone.utc).isoformat()
    if isinstance(value, (set, frozenset)):
        return sorted(map(str, value))
    return str(value)
