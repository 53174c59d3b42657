"""One screen of the monitor: what it reads, how it shows that, and what can be done on it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from qctl.models import Event, Selector
from qctl.safe import escape_line, escape_text
from qctl.tui import actions, export
from qctl.tui.actions import Act
from qctl.tui.data.monitor_data import MonitorData
from qctl.tui.export import as_json
from qctl.tui.host import EVERYTHING, Host
from qctl.tui.job_history import course
from qctl.tui.widgets import forms
from qctl.tui.widgets.dialogs import ActDialog, Field, Sheet
from qctl.tui.widgets.grid import Grid, Source
from qctl.tui.widgets.prompt import Question, beginning
from qctl.view import Column, quantity

if TYPE_CHECKING:
    from qctl.ops import Ops

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

    def __init__(self, host: Host, **options: Any) -> None:
        super().__init__(**options)
        self.host = host
        self.only = EVERYTHING

    class Asked(Message):
        """The page shows something else now, and wants to be read at once."""

    @property
    def data(self) -> MonitorData:
        """The data that pages show."""
        return self.host.data

    @property
    def ops(self) -> Ops:
        """The operations that actions call. Raises RefusedError if there is no Redis to change."""
        return self.host.ops

    def read(self, data: MonitorData) -> Any:
        """Everything that the page shows. Called in a thread: it must not touch widgets."""
        raise NotImplementedError

    def present(self, data: Any, now: datetime) -> None:
        """Show what `read` returned."""
        raise NotImplementedError

    def narrow(self, only: Selector) -> None:
        """Show no more than this part, where the page can: of a queue, of states."""
        self.only = only

    @property
    def part(self) -> str:
        """The part that is shown, in words; nothing where it is all."""
        return " ".join(filter(None, (self.only.queue, *self.only.states)))

    def heard(self, events: Sequence[Event]) -> None:
        """Events came. What they changed is read again anyway."""

    # --- acting -----------------------------------------------------------------------------------------

    def ask(self, build: Callable[[Mapping[str, str]], Act], fields: Sequence[Field] = (), title: str = "") -> None:
        """Ask, and do it where that is wanted. Refused before anything is typed where nothing may be changed."""
        if not self.host.may_act():
            return
        self.app.push_screen(ActDialog(build, fields, title), self.host.perform)

    def propose(self, act: Act) -> None:
        """Ask for an act that needs nothing typed but maybe a name."""
        fields = [Field("confirm", f"Type {escape_line(act.confirm)} to go on:")] if act.confirm else []
        self.ask(lambda _: act, fields)

    def ask_where(self, selector: Selector, count: int) -> None:
        """Ask to which queue jobs go, and move them there."""
        self.ask(
            lambda typed: actions.move(self.ops, selector, count, typed["target"].strip()),
            [Field("target", "To which queue:", words=self.host.trends.queues)],
            f"Move {quantity(count, 'job')}",
        )

    def edit(self, job_id: str, *, again: bool) -> None:
        """Ask what a job is to be called with; with `again` it is a dead letter, and runs again with that."""
        if self.host.may_act():
            ops = self.ops
            self.host.fetch(
                lambda: ops.jobs.editable(job_id),
                lambda job: self.ask(*forms.edited(ops, job, again=again), f"Edit {job_id}"),
            )

    def look_at_course(self, job_id: str) -> None:
        """Show how a job went, and where its logs are."""
        self.host.show_text(f"how {job_id} went", lambda: course(self.data.jobs.show(job_id)))


class GridPage(Page):
    """A screen with one grid or several. `main` is the one that has the focus first."""

    main: ClassVar[str] = "Grid"

    @property
    def grid(self) -> Grid:
        """The grid that keys mean: the focused one, else the main one."""
        focused = self.app.focused
        return (
            focused if isinstance(focused, Grid) and focused in self.query(Grid) else self.query(self.main).first(Grid)
        )

    def on_grid_opened(self, message: Grid.Opened) -> None:
        """Enter: look into a row, or into the number of it that was chosen."""
        message.stop()
        if message.title is None:
            self.open(message.row)
        else:
            self.follow(message.row, message.title)

    def open(self, row: Any) -> None:
        """Show all that is known of a row: as it was read, unless the page knows better."""
        self.app.push_screen(Sheet("JSON", as_json(row)))

    def follow(self, row: Any, title: str) -> None:
        """Go to what the number in the column of this title counts. For pages whose columns lead somewhere."""
        raise NotImplementedError

    def do_mark(self) -> None:
        """Space."""
        self.grid.mark()

    def do_sort(self) -> None:
        """The next column."""
        self.host.show_status(
            f"sorted: {self.grid.next_sort()}" if self.grid.source.sorts else "there is one order here"
        )

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
        self.host.ask(
            Question(
                "/",
                "show rows that hold this; !text: that do not",
                lambda line: self.host.show_status(f"filter: {line}   (Esc drops it)" if line else ""),
                grid.filter_text,
                grid.keep,
                beginning(words),
            )
        )

    def do_copy(self) -> None:
        """The id alone."""
        rows = self.grid.chosen
        if rows:
            text = "\n".join(self.grid.source.key(row) for row in rows)
            self.app.copy_to_clipboard(escape_text(text))
            self.host.show_status(f"copied, where the terminal allows it: {text}")

    def do_export(self) -> None:
        """Ask for a file."""
        if self.app.is_web:
            self.host.show_status("there are no files for a browser here: y shows rows as JSON")
            return
        grid = self.grid
        rows, columns = list(grid.shown), grid.columns
        name = f"qctl-{self.heading.lower().replace(' ', '-')}-{datetime.now().astimezone():%Y%m%d-%H%M%S}.csv"
        hint = f"file to write {len(rows)} rows into: .csv, or .json"
        write = Question("w", hint, lambda line: self._write(line, rows, columns), name)
        self.host.ask(write)

    def _write(self, line: str, rows: Sequence[Any], columns: Sequence[Column[Any]]) -> None:
        if line:
            self.host.fetch(lambda: export.write(Path(line), columns, rows), self.host.show_status)


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
