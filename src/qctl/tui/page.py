"""Base of the pages: each reads data in a thread, shows it, and offers actions by keys."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.message import Message

from qctl.models import Event, Selector
from qctl.safe import escape_line, escape_text
from qctl.tui import actions, export, job_history
from qctl.tui.actions import Action
from qctl.tui.data.monitor_data import MonitorData
from qctl.tui.export import as_json
from qctl.tui.host import ALL, Host
from qctl.tui.keys import row_keys
from qctl.tui.widgets import forms
from qctl.tui.widgets.choice_dialog import ChoiceDialog
from qctl.tui.widgets.dialogs import CONFIRM, ActionDialog, DialogField, TextWindow
from qctl.tui.widgets.grid import Grid, GridSpec
from qctl.tui.widgets.prompt import PromptRequest, complete_by_prefix
from qctl.view import Column, quantity

if TYPE_CHECKING:
    from qctl.ops import Ops

MAX_COMPLETIONS = 2000
"""Rows whose names complete a filter; names of later rows are not offered."""


class Page(Vertical):
    """Base of all pages.

    `read` runs in a thread and may wait for Redis; everything else runs on the app's thread. A page supports a key of
    `keys.KEYS` if it has the method `do_VERB`.
    """

    DEFAULT_CSS = """
    Page { height: 1fr; }
    """

    digit: ClassVar[str]
    heading: ClassVar[str]
    short: ClassVar[str]
    """The heading where there is little room."""

    def __init__(self, host: Host, **options: Any) -> None:
        super().__init__(**options)
        self.host = host
        self.selector = ALL

    class ReloadRequested(Message):
        """The page needs other data and must be read at once."""

    @property
    def data(self) -> MonitorData:
        """The data that pages show."""
        return self.host.data

    @property
    def ops(self) -> Ops:
        """The operations that actions call. Raises RefusedError if there is no Redis to change."""
        return self.host.ops

    def read(self, data: MonitorData) -> Any:
        """Read everything that the page shows. Called in a thread: it must not touch widgets."""
        raise NotImplementedError

    def present(self, data: Any, now: datetime) -> None:
        """Show the data that `read` returned."""
        raise NotImplementedError

    @property
    def is_complete(self) -> bool:
        """True if the page shows all that it reads, and not only what is there at once."""
        return True

    def restrict(self, selector: Selector) -> None:
        """Show only the rows that `selector` selects, as far as the page can."""
        self.selector = selector

    @property
    def scope(self) -> str:
        """The restriction in words, empty if all rows are shown."""
        return " ".join(filter(None, (self.selector.queue, *self.selector.states)))

    def receive(self, events: Sequence[Event]) -> None:
        """Handle events. The page is read again after them anyway."""

    # --- actions ----------------------------------------------------------------------------------------

    def open_dialog(
        self, build: Callable[[Mapping[str, str]], Action], fields: Sequence[DialogField] = (), title: str = ""
    ) -> None:
        """Ask before an action, and start it if confirmed. Refused at once if changes are not allowed."""
        if not self.host.may_change():
            return
        self.app.push_screen(ActionDialog(build, fields, title), self.host.start_action)

    def confirm(self, action: Action) -> None:
        """Ask before an action that needs no input, except maybe a name to confirm it."""
        label = f"Type {escape_line(action.confirm)} to confirm:"
        self.open_dialog(lambda _: action, [DialogField(CONFIRM, label)] if action.confirm else [])

    def ask_retry(self, selector: Selector, count: int) -> None:
        """Ask how to retry dead letters: how many first, and how fast the others."""
        fields = [
            DialogField("canary", "Canary: so many first, the others if they succeed:", "1; empty: all at once"),
            DialogField("rate", "Rate of the others:", "10/s, 600/m; empty: as fast as possible"),
        ]
        if count == 1:
            self.confirm(actions.retry(self.ops, selector, count))
        else:
            ops = self.ops
            self.open_dialog(lambda texts: actions.retry(ops, selector, count, texts["canary"], texts["rate"]), fields)

    def ask_target(self, selector: Selector, count: int) -> None:
        """Ask for a queue, and move jobs there."""
        self.open_dialog(
            lambda texts: actions.move(self.ops, selector, count, texts["target"].strip()),
            [DialogField("target", "Target queue:", suggestions=self.host.depths.queues)],
            f"Move {quantity(count, 'job')}",
        )

    def edit_payload(self, job_id: str, *, retry: bool) -> None:
        """Ask for another payload of a job, and retry the job with it if it is a dead letter."""
        if self.host.may_change():
            ops = self.ops
            self.host.fetch(
                lambda: ops.jobs.editable(job_id),
                lambda job: self.open_dialog(*forms.payload_form(ops, job, retry=retry), f"Edit {job_id}"),
            )

    def show_history(self, job_id: str) -> None:
        """Show the history of a job, and how to find its log lines."""
        title = f"history of {job_id}"
        self.host.show_text(title, lambda: job_history.describe(self.data.jobs.show(job_id)))


class GridPage(Page):
    """A page with one or more tables. `main` selects the table that is focused first."""

    main: ClassVar[str] = "Grid"

    @property
    def grid(self) -> Grid:
        """The table that keys apply to: the focused one, else the main one."""
        focused = self.app.focused
        if isinstance(focused, Grid) and focused in self.query(Grid):
            return focused
        return self.query(self.main).first(Grid)

    def on_grid_opened(self, message: Grid.Opened) -> None:
        """Open a row, or the rows that its chosen number counts."""
        message.stop()
        if message.title is None:
            self.open_row(message.row)
        else:
            self.open_link(message.row, message.title)

    def on_grid_menu_requested(self, message: Grid.MenuRequested) -> None:
        """Offer what the keys do to the row in a menu beside it."""
        message.stop()
        names = {f"{key.display:<6} {key.label}": key.key for key in row_keys(self)}

        def close(name: str | None) -> None:
            if name is not None:
                self.host.action_key(names[name])

        title = self.grid.spec.key(message.row)
        self.app.push_screen(ChoiceDialog(title, list(names), "", at=(message.x, message.y)), close)

    def open_row(self, row: Any) -> None:
        """Show a row in full: its columns, unless the page overrides this."""
        cells = [(column.title, column.cell(row).text) for column in self.grid.columns]
        width = max(len(title) for title, _ in cells)
        lines = [f"{title.lower():<{width}}  {text}" for title, text in cells if title and text]
        self.app.push_screen(TextWindow(self.grid.spec.key(row), "\n".join(lines)))

    def open_link(self, row: Any, title: str) -> None:
        """Go to the rows that the number in the column `title` counts. Only for pages whose columns are links."""
        raise NotImplementedError

    def do_mark(self) -> None:
        """Mark or unmark the row."""
        self.grid.toggle_mark()

    def do_sort(self) -> None:
        """Sort by the next column."""
        order = f"sorted: {self.grid.sort_next()}" if self.grid.spec.sorts else "this table has one order"
        self.host.show_status(order)

    def do_invert(self) -> None:
        """Reverse the order."""
        self.grid.invert()

    def do_json(self) -> None:
        """Show rows as JSON."""
        rows = self.grid.selected
        if rows:
            text = "\n".join(as_json(row) for row in rows)
            self.app.copy_to_clipboard(text)
            self.app.push_screen(TextWindow("JSON (copied if the terminal allows it)", text))

    def do_filter(self) -> None:
        """Ask for a text that rows must contain."""
        grid = self.grid
        name = next(column for column in grid.columns if column.title)
        names = [name.cell(row).text for row in grid.rows[:MAX_COMPLETIONS]]
        self.host.prompt(
            PromptRequest(
                "/",
                "show rows that contain this; !text: rows that do not",
                lambda line: self.host.show_status(f"filter: {line}   (Esc clears it)" if line else ""),
                grid.filter_text,
                grid.set_filter,
                complete_by_prefix(names),
            )
        )

    def clear_filter(self) -> bool:
        """Show all rows again. Returns whether a filter hid some."""
        had_filter = bool(self.grid.filter_text)
        self.grid.set_filter("")
        return had_filter

    def do_copy(self) -> None:
        """Copy the ids of rows."""
        rows = self.grid.selected
        if rows:
            text = "\n".join(self.grid.spec.key(row) for row in rows)
            self.app.copy_to_clipboard(escape_text(text))
            self.host.show_status(f"copied if the terminal allows it: {text}")

    def do_export(self) -> None:
        """Ask for a file, and write the rows to it."""
        if self.app.is_web:
            self.host.show_status("no export in a browser; y shows rows as JSON")
            return
        grid = self.grid
        rows, columns = list(grid.rows), [column for column in grid.columns if column.title]
        name = f"qctl-{self.heading.lower().replace(' ', '-')}-{datetime.now().astimezone():%Y%m%d-%H%M%S}.csv"
        hint = f"file for {quantity(len(rows), 'row')}: .csv or .json"
        self.host.prompt(PromptRequest("w", hint, lambda line: self._write(line, rows, columns), name))

    def _write(self, line: str, rows: Sequence[Any], columns: Sequence[Column[Any]]) -> None:
        if line:
            self.host.fetch(lambda: export.write(Path(line), columns, rows), self.host.show_status)


class TablePage(GridPage):
    """A page that is one table."""

    spec: ClassVar[GridSpec]

    def compose(self) -> ComposeResult:
        """Place the table."""
        yield Grid(self.spec, title=self.heading)

    def rows(self, data: Any) -> Sequence[Any]:
        """The rows of the data that was read."""
        rows: Sequence[Any] = data
        return rows

    def present(self, data: Any, now: datetime) -> None:
        """Fill the table."""
        self.query_one(Grid).fill(self.rows(data), now)
