"""Page 4, Dead letters: why? Causes and the dead letters of one at the left, one of these in full at the right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Static

from qctl import view
from qctl.errors import NotFoundError
from qctl.models import Cause, Causes, DeadLetter, DeadLetterDetail, DeadLetters, Selector
from qctl.tui import actions
from qctl.tui.data.monitor_data import MonitorData
from qctl.tui.host import Host
from qctl.tui.letter_text import letter_content
from qctl.tui.page import GridPage
from qctl.tui.widgets.dialogs import DialogField, TextWindow
from qctl.tui.widgets.grid import Grid, GridSpec
from qctl.view import Column


def _columns(columns: Sequence[Column[Any]]) -> list[Column[Any]]:
    """The same columns with the error first and as wide as there is room; fingerprints and ids are the first to go."""
    error = next(column for column in columns if column.title == "ERROR")
    others = [replace(c, drop=9) if c.title in ("CAUSE", "ID") else c for c in columns if c.title != "ERROR"]
    return [replace(error, long=False, min_width=36), *others]


CAUSES = GridSpec(
    lambda now: _columns(view.cause_columns(now)),
    lambda cause: cause.fingerprint,
    "No dead letters: jobs that failed for good would be here, by cause.",
    {"COUNT": lambda cause: cause.count, "LAST": lambda cause: cause.last_seen},
    frozenset({"COUNT", "LAST"}),
)

LETTERS = GridSpec(
    lambda now: _columns(view.dead_letter_columns(now)),
    lambda letter: letter.id,
    "None.",
    {"QUEUE": lambda letter: letter.queue, "AGE": lambda letter: letter.died_at},
)

MAX_LETTERS = 200
"""Dead letters of a cause that are read; later ones are not shown."""

MAX_SCANNED_LETTERS = 10_000
"""Dead letters that are scanned to find those of a cause, if no index holds them."""


@dataclass(frozen=True)
class DeadLettersData:
    """Data of the page. `detail` belongs to the selected dead letter."""

    causes: Causes
    letters: DeadLetters
    detail: DeadLetterDetail | None


class DeadLettersPage(GridPage):
    """Dead letters by cause. Actions apply to the cause at the left, or at the right to marked or selected letters."""

    digit = "4"
    heading = "Dead letters"
    short = "Dead"
    DEFAULT_CSS = """
    DeadLettersPage Vertical { width: 1fr; height: 2fr; }
    DeadLettersPage VerticalScroll { width: 1fr; height: 1fr; padding: 0 1; border: round $frame;
        scrollbar-size-vertical: 1; border-title-color: $text-muted; }
    DeadLettersPage VerticalScroll:focus { border: round $frame-focused; border-title-color: $text-primary; }
    DeadLettersPage #letter { height: auto; }
    """

    def __init__(self, host: Host, **options: Any) -> None:
        super().__init__(host, **options)
        self._fingerprint: str | None = None
        self._letter_id: str | None = None
        self._detail: DeadLetterDetail | None = None

    def compose(self) -> ComposeResult:
        """Place two tables and a text."""
        with Horizontal():
            with Vertical():
                yield Grid(CAUSES, id="causes", title="Causes")
                yield Grid(LETTERS, id="letters", title="Dead letters of this cause")
            with VerticalScroll(can_focus=True, classes="panel") as frame:
                frame.border_title = "Dead letter"
                yield Static(id="letter")

    def read(self, data: MonitorData) -> DeadLettersData:
        """Read the causes, the dead letters of the selected cause, and the selected dead letter in full."""
        causes = data.dead_letters.groups(self.selector.queue)
        fingerprints = [cause.fingerprint for cause in causes.causes]
        fingerprint = self._fingerprint if self._fingerprint in fingerprints else next(iter(fingerprints), None)
        letters = self._read_letters(data, causes, fingerprint)
        ids = [letter.id for letter in letters.letters]
        index = ids.index(self._letter_id) if self._letter_id in ids else 0
        detail = self._read_detail(data, letters.letters[index]) if ids else None
        return DeadLettersData(causes, letters, detail)

    def _read_letters(self, data: MonitorData, causes: Causes, fingerprint: str | None) -> DeadLetters:
        if not causes.total:
            return DeadLetters([], 0)
        selector = Selector(queue=self.selector.queue)
        if fingerprint is not None:
            selector = replace(selector, fingerprint=fingerprint, scan=MAX_SCANNED_LETTERS)
        try:
            return data.dead_letters.list(selector, limit=MAX_LETTERS)
        except NotFoundError:
            if fingerprint is None:
                raise
            return DeadLetters([], 0)  # the last dead letter of the cause was retried or discarded meanwhile

    def _read_detail(self, data: MonitorData, letter: DeadLetter) -> DeadLetterDetail | None:
        """Read a dead letter in full, unless it was read last time."""
        if self._detail is None or self._detail.letter != letter:
            try:
                self._detail = data.dead_letters.show(letter.id)
            except NotFoundError:
                self._detail = None
        return self._detail

    def present(self, data: DeadLettersData, now: datetime) -> None:
        """Fill all three parts."""
        self.query_one("#causes", Grid).fill(data.causes.causes, now)
        self.query_one("#letters", Grid).fill(data.letters.letters, now)
        causes = self.query_one("#causes", Grid)
        causes.set_title(f"Causes {len(data.causes.causes)}", view.quantity(data.causes.total, "dead letter"))
        content = letter_content(data.detail, now) if data.detail else Content("")
        letter = self.query_one("#letter", Static)
        if not (isinstance(letter.content, Content) and content.is_same(letter.content)):
            letter.update(content)

    def on_grid_moved(self, message: Grid.Moved) -> None:
        """Read the data of another cause or another dead letter."""
        message.stop()
        if message.grid.id == "causes":
            selected = message.row.fingerprint if message.row else None
            changed, self._fingerprint = selected != self._fingerprint, selected
        else:
            selected = message.row.id if message.row else None
            changed, self._letter_id = selected != self._letter_id, selected
        if changed:
            self.post_message(self.ReloadRequested())

    def open_row(self, row: Any) -> None:
        """Go from a cause to its dead letters; show a dead letter in full."""
        if isinstance(row, Cause):
            self.query_one("#letters").focus()
        else:
            now = self.host.now()
            self.host.fetch(
                lambda: letter_content(self.data.dead_letters.show(row.id), now),
                lambda content: self.app.push_screen(TextWindow(f"dead letter {row.id}", content)),
            )

    def do_retry(self) -> None:
        """Retry the selected dead letters."""
        selection = self._selection()
        if selection:
            self.ask_retry(*selection)

    def do_discard(self) -> None:
        """Move the selected dead letters to the trash."""
        selection = self._selection()
        if selection:
            self.confirm(actions.discard(self.ops, *selection))

    def do_acknowledge(self) -> None:
        """Ask for a note, and acknowledge the selected cause."""
        cause = self.query_one("#causes", Grid).current
        if cause is not None:
            fields = [DialogField("text", "Note:", "why it needs no alert; may be empty")]
            self.open_dialog(lambda texts: actions.acknowledge(self.ops, cause, texts["text"].strip()), fields)

    def do_move(self) -> None:
        """Move the selected dead letters to another queue, where they stay dead letters."""
        selection = self._selection()
        if selection:
            self.ask_target(*selection)

    def do_edit(self) -> None:
        """Edit the payload of the dead letter, and retry it."""
        letter = self.query_one("#letters", Grid).current
        if letter is not None:
            self.edit_payload(letter.id, retry=True)

    def do_logs(self) -> None:
        """Show the history of the dead letter."""
        letter = self.query_one("#letters", Grid).current
        if letter is not None:
            self.show_history(letter.id)

    def _selection(self) -> tuple[Selector, int] | None:
        """A selector of the dead letters that actions apply to, and their number."""
        if self.grid.id == "letters" or self.query_one("#letters", Grid).marks:
            letters: Sequence[DeadLetter] = self.query_one("#letters", Grid).selected
            ids = tuple(letter.id for letter in letters)
            return (Selector(ids=ids), len(ids)) if ids else None
        cause = self.grid.current
        return (Selector(queue=self.selector.queue, fingerprint=cause.fingerprint), cause.count) if cause else None
