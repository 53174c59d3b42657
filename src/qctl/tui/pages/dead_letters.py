"""4 Dead letters: causes at the left, who died of the selected one at the right, and its traceback below."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from textual.app import ComposeResult
from textual.containers import Horizontal, VerticalScroll
from textual.widgets import Static

from qctl import view
from qctl.errors import NotFoundError
from qctl.models import Cause, Causes, DeadLetter, DeadLetterDetail, DeadLetters, Selector
from qctl.safe import redact
from qctl.tui import actions
from qctl.tui.data.monitor_data import MonitorData
from qctl.tui.host import Host
from qctl.tui.page import GridPage
from qctl.tui.widgets.dialogs import plain
from qctl.tui.widgets.grid import Grid, Source

CAUSES = Source(
    lambda now: [replace(each, drop=4) if each.title == "CAUSE" else each for each in view.cause_columns(now)],
    lambda cause: cause.fingerprint,
    "No dead letters.",
    {"COUNT": lambda cause: cause.count, "LAST": lambda cause: cause.last_seen},
    frozenset({"COUNT", "LAST"}),
)

LETTERS = Source(
    view.dead_letter_columns,
    lambda letter: letter.id,
    "None.",
    {"QUEUE": lambda letter: letter.queue, "AGE": lambda letter: letter.died_at},
)

SHOWN = 200
"""Letters of a cause that are read."""

LOOKED_AT = 10_000
"""Letters that are looked at to find them, where no index knows."""


@dataclass(frozen=True)
class Picture:
    """What the screen shows. `detail` is of the selected letter."""

    causes: Causes
    letters: DeadLetters
    detail: DeadLetterDetail | None


class DeadLettersPage(GridPage):
    """Dead letters by cause. `r` and `D` mean the cause on the left, and the letter or the marked ones on the right."""

    digit = "4"
    heading = "Dead letters"
    DEFAULT_CSS = """
    DeadLettersPage > Horizontal { height: 1fr; }
    DeadLettersPage #causes { width: 4fr; }
    DeadLettersPage #letters { width: 5fr; border-left: solid $panel; }
    DeadLettersPage VerticalScroll { height: 1fr; border-top: solid $panel; padding: 0 2; }
    DeadLettersPage #traceback { height: auto; }
    """

    def __init__(self, host: Host, **options: Any) -> None:
        super().__init__(host, **options)
        self._cause: str | None = None
        self._letter: str | None = None
        self._whole: DeadLetterDetail | None = None

    def compose(self) -> ComposeResult:
        """Two tables and a text."""
        with Horizontal():
            yield Grid(CAUSES, id="causes")
            yield Grid(LETTERS, id="letters")
        with VerticalScroll(can_focus=True):
            yield Static(id="traceback")

    def read(self, data: MonitorData) -> Picture:
        """The causes, the letters of the selected one, and the selected letter whole."""
        causes = data.dead_letters.groups(self.only.queue)
        known = [cause.fingerprint for cause in causes.causes]
        cause = self._cause if self._cause in known else next(iter(known), None)
        letters = self._letters(data, causes, cause)
        ids = [letter.id for letter in letters.letters]
        chosen = ids.index(self._letter) if self._letter in ids else 0
        return Picture(causes, letters, self._detail(data, letters.letters[chosen]) if ids else None)

    def _letters(self, data: MonitorData, causes: Causes, cause: str | None) -> DeadLetters:
        if not causes.total:
            return DeadLetters([], 0)
        if cause is None:
            return data.dead_letters.list(Selector(queue=self.only.queue), limit=SHOWN)
        try:
            selector = Selector(queue=self.only.queue, fingerprint=cause, scan=LOOKED_AT)
            return data.dead_letters.list(selector, limit=SHOWN)
        except NotFoundError:  # somebody dealt with the last of them meanwhile
            return DeadLetters([], 0)

    def _detail(self, data: MonitorData, letter: DeadLetter) -> DeadLetterDetail | None:
        """The letter whole, read where it is another one than last time."""
        if self._whole is None or self._whole.letter != letter:
            try:
                self._whole = data.dead_letters.show(letter.id)
            except NotFoundError:
                self._whole = None
        return self._whole

    def present(self, data: Picture, now: datetime) -> None:
        """Fill all three."""
        self.query_one("#causes", Grid).fill(data.causes.causes, now)
        self.query_one("#letters", Grid).fill(data.letters.letters, now)
        text = f"{data.detail.letter.error}\n\n{data.detail.traceback}" if data.detail else ""
        self.query_one("#traceback", Static).update(plain(redact(text)))

    def on_grid_moved(self, message: Grid.Moved) -> None:
        """Another cause, or another letter: read that."""
        message.stop()
        if message.grid.id == "causes":
            new = message.row.fingerprint if message.row else None
            changed, self._cause = new != self._cause, new
        else:
            new = message.row.id if message.row else None
            changed, self._letter = new != self._letter, new
        if changed:
            self.post_message(self.Asked())

    def open(self, row: Any) -> None:
        """From a cause to its letters; a letter whole."""
        if isinstance(row, Cause):
            self.query_one("#letters").focus()
        else:
            self.host.show_text(f"dead letter {row.id}", lambda: _whole(self.data.dead_letters.show(row.id)))

    def do_retry(self) -> None:
        """Run them again."""
        chosen = self._chosen()
        if chosen:
            self.propose(actions.retry(self.ops, *chosen))

    def do_discard(self) -> None:
        """Put them into the trash."""
        chosen = self._chosen()
        if chosen:
            self.propose(actions.discard(self.ops, *chosen))

    def do_move(self) -> None:
        """To another queue, as dead letters of that."""
        chosen = self._chosen()
        if chosen:
            self.ask_where(*chosen)

    def do_edit(self) -> None:
        """What it is called with, and run it again with that."""
        letter = self.query_one("#letters", Grid).current
        if letter is not None:
            self.edit(letter.id, again=True)

    def do_logs(self) -> None:
        """How it went: each attempt and event."""
        letter = self.query_one("#letters", Grid).current
        if letter is not None:
            self.look_at_course(letter.id)

    def _chosen(self) -> tuple[Selector, int] | None:
        """The dead letters that are meant, and how many they are."""
        if self.grid.id == "letters" or self.query_one("#letters", Grid).marks:
            letters: Sequence[DeadLetter] = self.query_one("#letters", Grid).chosen
            ids = tuple(letter.id for letter in letters)
            return (Selector(ids=ids), len(ids)) if ids else None
        cause = self.grid.current
        return (Selector(queue=self.only.queue, fingerprint=cause.fingerprint), cause.count) if cause else None


def _whole(detail: DeadLetterDetail) -> str:
    """A dead letter as a text."""
    letter = detail.letter
    rows = (
        ("queue", letter.queue),
        ("kind", letter.kind),
        ("function", letter.function),
        ("died", str(letter.died_at or view.NO_VALUE)),
        ("runs", str(view.NO_VALUE if letter.attempts is None else letter.attempts)),
        ("cause", letter.fingerprint or view.NO_VALUE),
        ("called", detail.description),
        ("payload", detail.payload if detail.payload is not None else f"not JSON, {view.size(detail.payload_size)}"),
        ("meta", detail.meta or view.NO_VALUE),
    )
    facts = "\n".join(f"{name:<9} {value}" for name, value in rows)
    return redact(f"{facts}\n\n{letter.error}\n\n{detail.traceback}")
