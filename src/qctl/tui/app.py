"""The monitor: shows one screen at a time, keeps it up to date, and does what is asked there."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, ClassVar

from textual import on
from textual.app import App, ComposeResult, SystemCommand
from textual.binding import Binding
from textual.content import Content
from textual.message import Message
from textual.screen import Screen
from textual.suggester import SuggestFromList
from textual.theme import Theme
from textual.widgets import ContentSwitcher, Input, Static

from qctl.errors import QctlError, RedisUnreachableError
from qctl.safe import inert, inert_line
from qctl.tui import feed, frame
from qctl.tui.acting import Acting
from qctl.tui.acts import Act
from qctl.tui.dialogs import Sheet
from qctl.tui.grid import Grid
from qctl.tui.keys import KEYS
from qctl.tui.messages import Answered, Away, Ended, Happened, Loaded, NotLoaded, Progressed
from qctl.tui.page import GridPage, Page
from qctl.tui.pages import PAGES
from qctl.tui.reader import LATEST, Reader, in_thread

if TYPE_CHECKING:
    from qctl.ops import Ops

HIGH_CONTRAST = Theme(
    "high-contrast", primary="#ffff00", foreground="#ffffff", background="#000000", surface="#000000", panel="#444444",
    success="#00ff00", warning="#ffff00", error="#ff8080", dark=True,
)  # fmt: skip

THEMES = ("textual-dark", "textual-light", "high-contrast")

Run = Callable[[str], str]
"""Runs what follows `qctl` on a command line, and returns what it said."""


class Monitor(App[None]):
    """The app. `target` is the Redis, without password; `read_only` why nothing may be changed, None where it may be;
    `run` what a command line is given to, None where there is no such thing."""

    TITLE = "qctl"
    CSS = """
    Screen { layout: vertical; background: $surface; }
    ContentSwitcher { height: 1fr; }
    #head { height: 1; background: $panel; text-style: bold; }
    #tabs { height: 1; background: $panel; }
    #banner { height: auto; background: $error; color: $text; text-style: bold; padding: 0 1; display: none; }
    #status { height: auto; max-height: 3; padding: 0 2; color: $text-muted; }
    #prompt { height: 1; border: none; display: none; padding: 0 1; background: $boost; }
    #foot { height: 1; background: $panel; }
    """
    BINDINGS: ClassVar[list[Any]] = [
        *(Binding(key.key, f"key('{key.verb}')", key.label, show=False) for key in KEYS),
        *(Binding(page.digit, f"go('{page.digit}')", page.heading, show=False) for page in PAGES),
        Binding("escape", "leave", show=False),
        Binding("tab", "app.focus_next", show=False),
    ]

    def __init__(self, ops: Ops, *, target: str = "", read_only: str | None = None, run: Run | None = None) -> None:
        super().__init__()
        self.ops = ops
        self.read_only = read_only
        self._target = target
        self._run_line = run
        self._pages = [page(id=f"page-{page.digit}") for page in PAGES]
        self._page = self._pages[0]
        self._before: list[str] = []
        self._frozen = False
        self._away: str | None = None
        self._read_at: datetime | None = None
        self._ended = threading.Event()
        self._acting = Acting(ops, self._post)
        self._reader = Reader(ops, self._post, self.set_timer)
        self._asked_for = ""

    # --- the frame --------------------------------------------------------------------------------------

    def compose(self) -> ComposeResult:
        """Lines around one page."""
        yield Static(id="head")
        yield Static(id="tabs")
        yield Static(id="banner")
        with ContentSwitcher(initial=self._page.id):
            yield from self._pages
        yield Static(id="status")
        yield Input(id="prompt", select_on_focus=False)
        yield Static(id="foot")

    def on_mount(self) -> None:
        """Begin to listen and to read."""
        self.register_theme(HIGH_CONTRAST)
        in_thread(lambda: feed.follow(self.ops, self._post, self._ended))
        self.set_interval(LATEST, self._tick)
        self._draw_frame()
        self._focus_grid()
        self._load()

    def on_unmount(self) -> None:
        """Nobody listens any more."""
        self._ended.set()
        self._acting.stop()

    def on_resize(self) -> None:
        """Another width for the frame."""
        self._draw_frame()

    def _draw_frame(self) -> None:
        width, now = self.size.width, datetime.now(timezone.utc)
        state = frame.State(self._target, bool(self._away), self._frozen, self.read_only is not None, self._read_at)
        screen = self.screen_stack[0]
        if not screen.query("#foot"):  # not there yet, or not any more
            return
        screen.query_one("#head", Static).update(frame.head(state, now, width))
        screen.query_one("#tabs", Static).update(frame.tabs(PAGES, type(self._page), width))
        screen.query_one("#foot", Static).update(frame.foot(self._page, self, width))

    def tell(self, text: str) -> None:
        """Say something in the line above the keys, until something else is said."""
        for line in self.screen_stack[0].query("#status").results(Static):
            line.update(Content(inert_line(text)))

    def _tick(self) -> None:
        self._draw_frame()
        self._load()

    def _post(self, message: Message) -> None:
        """Post from a thread. Nobody is there any more when the app has ended."""
        if not self._ended.is_set():
            try:
                self.post_message(message)
            except RuntimeError:  # the event loop closed between the two lines
                self._ended.set()

    # --- reading ----------------------------------------------------------------------------------------

    def _load(self) -> None:
        """Read the page again, as soon as it can bear that."""
        if not (self._frozen or self._away):
            self._reader.want(self._page)

    def _load_now(self) -> None:
        """Read at once what is shown."""
        if not (self._frozen or self._away):
            self._reader.want_now(self._page)

    def on_loaded(self, message: Loaded) -> None:
        """Show it, if it is still wanted."""
        began = time.monotonic()
        wanted = message.page is self._page and not self._frozen
        if wanted:
            self._read_at = datetime.now(timezone.utc)
            self._page.present(message.data, self._read_at)
            self._draw_frame()
        if self._reader.arrived(message.serial, message.seconds + time.monotonic() - began):
            self._reader.go_on(self._page)

    def on_not_loaded(self, message: NotLoaded) -> None:
        """Say why what is shown is old."""
        if not self._reader.arrived(message.serial, LATEST):
            return
        if isinstance(message.error, RedisUnreachableError):
            self._lost(message.error.message)
        else:
            self.tell(f"cannot be read: {message.error.message}")

    def on_happened(self, message: Happened) -> None:
        """Redis is there. What changed is read again at once."""
        if self._away:
            self._away = None
            self.query_one("#banner").display = False
            self._load_now()
        if message.events and not self._frozen:
            for page in self._pages:
                page.heard(message.events)
            self._load()

    def on_away(self, message: Away) -> None:
        """Redis does not answer."""
        self._lost(f"{message.error.message}; asked again in {message.seconds:.0f} s")

    def _lost(self, why: str) -> None:
        self._away = why
        seen = f"What is shown is STALE: of {self._read_at.astimezone():%H:%M:%S}." if self._read_at else ""
        banner = self.screen_stack[0].query_one("#banner", Static)
        banner.update(Content(inert_line(f"Redis is away. {why}. {seen}")))
        banner.display = True
        self._draw_frame()

    @on(Page.Asked)
    def _asked(self) -> None:
        self._load_now()

    # --- going about ------------------------------------------------------------------------------------

    def go(self, digit: str, select: str | None = None) -> None:
        """Show another screen, and select a row of it."""
        page = next(page for page in self._pages if page.digit == digit)
        if page is not self._page:
            self._before.append(self._page.digit)
        self._show(page)
        if select is not None and isinstance(page, GridPage):
            page.grid.select(select)

    def _show(self, page: Page) -> None:
        self._page = page
        self.query_one(ContentSwitcher).current = page.id
        self._focus_grid()
        self.tell("")
        self._draw_frame()
        self._load_now()

    def action_go(self, digit: str) -> None:
        """A digit."""
        self.go(digit)

    def _focus_grid(self) -> None:
        self.set_focus(next(iter(self._page.query(Grid)), None))

    def action_leave(self) -> None:
        """Esc: drop the filter, then the marks, then go back to the screen before."""
        grid = self._page.grid if isinstance(self._page, GridPage) else None
        if self.query_one("#prompt").display:
            self._leave_prompt()
            if self._asked_for == "/" and grid:
                grid.keep("")
        elif grid and grid.filter_text:
            grid.keep("")
            self.tell("")
        elif grid and grid.marks:
            grid.unmark()
        elif self._before:
            digit = self._before.pop()
            self._show(next(page for page in self._pages if page.digit == digit))

    def action_key(self, verb: str) -> None:
        """A key of `KEYS`: the page's business, else the app's."""
        act = getattr(self._page, f"do_{verb}", None) or getattr(self, f"do_{verb}", None)
        if act is None:
            self.tell("that key does nothing on this screen; ? lists those that do")
            return
        try:
            act()
        except QctlError as error:
            self.tell(f"not done: {error.message}")

    def get_system_commands(self, _: Screen[Any]) -> Iterable[SystemCommand]:
        """What the palette offers: the screens, and the keys of this one."""
        for page in PAGES:
            yield SystemCommand(page.heading, f"screen {page.digit}", lambda digit=page.digit: self.go(digit))
        for key in frame.available(self._page, self):
            yield SystemCommand(key.label or key.verb, key.help, lambda verb=key.verb: self.action_key(verb))

    # --- keys of every screen ---------------------------------------------------------------------------

    def do_help(self) -> None:
        """Every key."""
        self.push_screen(Sheet("Keys", frame.help_text(self._page, self, PAGES)))

    def do_quit(self) -> None:
        """Leave."""
        self.exit()

    def do_freeze(self) -> None:
        """Hold the picture still, or let it go on."""
        self._frozen = not self._frozen
        self.tell("the picture is held; z lets it go on" if self._frozen else "")
        self._draw_frame()
        self._load_now()

    def do_theme(self) -> None:
        """The next theme."""
        at = THEMES.index(self.theme) if self.theme in THEMES else -1
        self.theme = THEMES[(at + 1) % len(THEMES)]
        self.tell(f"theme: {self.theme}")

    def do_command(self) -> None:
        """Ask for a command line."""
        if self._run_line is None:
            self.tell("there is no command line here")
        else:
            self.prompt(":", "", "a command line without `qctl`: stats email --json", [])

    def prompt(self, kind: str, value: str, hint: str, words: Sequence[str]) -> None:
        """Ask for a line: a filter (`/`) or a command line (`:`). `words` complete it."""
        prompt = self.query_one("#prompt", Input)
        self._asked_for = kind
        prompt.value = value
        prompt.placeholder = f"{kind} {hint}"
        prompt.suggester = SuggestFromList(words, case_sensitive=False) if words else None
        prompt.display = True
        prompt.focus()

    def _leave_prompt(self) -> None:
        self.query_one("#prompt").display = False
        self._focus_grid()

    @on(Input.Changed, "#prompt")
    def _typed(self, message: Input.Changed) -> None:
        if self._asked_for == "/" and message.input.display and isinstance(self._page, GridPage):
            self._page.grid.keep(message.value)

    @on(Input.Submitted, "#prompt")
    def _entered(self, message: Input.Submitted) -> None:
        line = message.value.strip()
        self._leave_prompt()
        if self._asked_for == "/":
            self.tell(f"filter: {line}   (Esc drops it)" if line else "")
        elif line and self._run_line:
            run = self._run_line
            self.look(f"qctl {line}", lambda: run(line))

    # --- acting -----------------------------------------------------------------------------------------

    def may_act(self) -> bool:
        """Whether something may be changed; says why where not."""
        if self.read_only:
            self.tell(f"refused: {self.read_only}")
        elif self._away:
            self.tell("refused: Redis is away")
        return not (self.read_only or self._away)

    def perform(self, act: Act | None) -> None:
        """Do it, in a thread. None: somebody thought better of it."""
        if act is None:
            self.tell("nothing was done")
        elif not self._acting.start(act):
            self.tell("another act goes on; x stops it")

    def do_undo(self) -> None:
        """Ask to undo what was done last."""
        undo = self._acting.undo
        if undo is None:
            self.tell("there is nothing to undo")
        else:
            self._page.propose(undo)

    def do_stop(self) -> None:
        """Stop the act that goes on."""
        self.tell("stopping ..." if self._acting.stop() else "no act goes on")

    def on_progressed(self, message: Progressed) -> None:
        """How far it is."""
        of = f" of {message.total}" if message.total is not None else ""
        self.tell(f"{message.act.title}: {message.done}{of}   (x stops it)")

    def on_ended(self, message: Ended) -> None:
        """It is over. What it changed is read at once."""
        undone = "   (U undoes it)" if message.done and message.done.undo else ""
        if message.done:
            self.tell(f"{'done' if message.done.well else 'done in part'}: {message.done.said}{undone}")
            for grid in self._page.query(Grid):
                grid.unmark()
        else:
            self.tell(f"not done: {message.error}")
        self._load_now()

    # --- looking ----------------------------------------------------------------------------------------

    def look(self, title: str, produce: Callable[[], str]) -> None:
        """Show a text that takes time to get."""

        def get() -> None:
            try:
                text = produce()
            except QctlError as error:
                text = error.message + (f"\n{error.hint}" if error.hint else "")
            except Exception as error:  # noqa: BLE001 - what cannot be shown is no reason to end
                text = f"internal error: {type(error).__name__}: {error}"
            self._post(Answered(title, inert(text)))

        in_thread(get)

    def on_answered(self, message: Answered) -> None:
        """Here it is."""
        self.push_screen(Sheet(message.title, message.text))
