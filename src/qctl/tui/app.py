"""The monitor: shows one screen at a time, keeps it up to date, and does what is asked there."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from textual import on
from textual.app import App, ComposeResult, SystemCommand
from textual.binding import Binding
from textual.content import Content
from textual.css.query import NoMatches
from textual.message import Message
from textual.screen import Screen
from textual.widgets import ContentSwitcher, Static

from qctl.errors import QctlError, RedisUnreachableError, RefusedError
from qctl.models import Selector
from qctl.safe import escape_line, escape_text
from qctl.tui import chrome
from qctl.tui.actions import Act
from qctl.tui.chrome import Steady
from qctl.tui.data import background_fetch, event_feed
from qctl.tui.data.action_runner import Acting
from qctl.tui.data.depth_history import Trends, before
from qctl.tui.data.monitor_data import MonitorData
from qctl.tui.data.page_loader import LATEST, Reader, in_thread
from qctl.tui.host import EVERYTHING
from qctl.tui.keys import KEYS
from qctl.tui.messages import Away, Ended, Got, Happened, Loaded, NotGot, NotLoaded, Progressed
from qctl.tui.page import GridPage, Page
from qctl.tui.pages import PAGES
from qctl.tui.widgets.dialogs import Sheet
from qctl.tui.widgets.forms import NewJob
from qctl.tui.widgets.grid import Grid
from qctl.tui.widgets.prompt import Prompt, Question
from qctl.tui.widgets.themes import HIGH_CONTRAST, THEMES

if TYPE_CHECKING:
    from qctl.ops import Ops

Run = Callable[[str], str]
"""Runs what follows `qctl` on a command line, and returns what it said."""

Complete = Callable[[str], "str | None"]
"""What follows `qctl` on a command line, whole, of what was typed of it; None where it is not known."""

WAY_BACK = 100
"""Screens that Esc leads back through."""

NO_LINE = "there is no command line here"

Thing = TypeVar("Thing")


class Monitor(App[None]):
    """The app. `target` is the Redis, without password; `read_only` why nothing may be changed, None where it may be;
    `run` what a command line is given to, None where there is no such thing, and `complete` what completes it."""

    TITLE = "qctl"
    CSS = """
    Screen { layout: vertical; background: $surface; }
    ContentSwitcher { height: 1fr; }
    #head { height: 1; background: $panel; text-style: bold; }
    #tabs { height: 1; background: $panel; }
    #banner { height: auto; background: $error; color: $text; text-style: bold; padding: 0 1; display: none; }
    #status { height: auto; max-height: 3; padding: 0 2; color: $text-muted; }
    #foot { height: 1; background: $panel; }
    """
    BINDINGS: ClassVar[list[Any]] = [
        *(Binding(key, f"key('{key}')", show=False) for key in dict.fromkeys(key.key for key in KEYS)),
        *(Binding(page.digit, f"go('{page.digit}')", page.heading, show=False) for page in PAGES),
        Binding("escape", "leave", show=False),
        Binding("tab", "app.focus_next", show=False),
    ]

    def __init__(
        self,
        data: MonitorData,
        ops: Ops | None = None,
        *,
        target: str = "",
        read_only: str | None = None,
        run: Run | None = None,
        complete: Complete | None = None,
    ) -> None:
        super().__init__()
        self.data = data
        self._ops = ops
        self.read_only = read_only
        self._target = target
        self._run_line = run
        self._complete_line = complete
        self.trends = Trends()
        self._pages = [page(self, id=f"page-{page.digit}") for page in PAGES]
        self._page = self._pages[0]
        self._before: deque[tuple[str, Selector]] = deque(maxlen=WAY_BACK)
        self._frozen = False
        self._away: str | None = None
        self._read_at: datetime | None = None
        self._ended = threading.Event()
        self._acting = Acting(self._post)
        self._reader = Reader(data, self._post, self.set_timer)

    # --- the frame --------------------------------------------------------------------------------------

    def compose(self) -> ComposeResult:
        """Lines around one page."""
        yield Steady(id="head")
        yield Steady(id="tabs")
        yield Static(id="banner")
        with ContentSwitcher(initial=self._page.id):
            yield from self._pages
        yield Static(id="status")
        yield Prompt(id="prompt")
        yield Steady(id="foot")

    def on_mount(self) -> None:
        """Begin to listen and to read."""
        self.register_theme(HIGH_CONTRAST)
        in_thread(lambda: event_feed.follow(self.data.events, self._post, self._ended))
        self.set_interval(LATEST, self._draw_frame)
        self.set_interval(LATEST, self._load)
        self._draw_frame()
        self._load()

    def on_ready(self) -> None:
        """Every page is there."""
        self._focus_grid()

    def on_unmount(self) -> None:
        """Nobody listens any more."""
        self._ended.set()
        self._acting.stop()

    def on_resize(self) -> None:
        """Another width for the frame."""
        self._draw_frame()

    def now(self) -> datetime:
        """What ages are counted from."""
        return datetime.now(timezone.utc)

    def _draw_frame(self) -> None:
        state = chrome.State(
            self._target, bool(self._away), self._frozen, bool(self.read_only), self._read_at, self._page.part
        )
        for screen in self.screen_stack[:1]:  # there is none any more at the end
            chrome.draw(screen, state, self._page, self.now(), PAGES)

    def show_status(self, text: str) -> None:
        """Say something in the line above the keys, until something else is said."""
        for screen in self.screen_stack[:1]:
            for line in screen.query("#status").results(Static):
                line.update(Content(escape_line(text)))

    def _post(self, message: Message) -> None:
        """Post from a thread. Nobody is there any more when the app has ended."""
        if not self._ended.is_set():
            try:
                self.post_message(message)
            except RuntimeError:  # the event loop closed between the two lines
                self._ended.set()

    # --- reading ----------------------------------------------------------------------------------------

    def _load(self, *, urgent: bool = False) -> None:
        """Read the page again, as soon as the budget bears that."""
        if not (self._frozen or self._away):
            self._reader.want(self._page, urgent=urgent)

    def _load_now(self) -> None:
        """Read at once what is shown."""
        if not (self._frozen or self._away):
            self._reader.want_now(self._page)

    def on_loaded(self, message: Loaded) -> None:
        """Show it, if it is still wanted."""
        if message.page is self._page and not self._frozen:
            with suppress(NoMatches):  # its widgets are not there yet, or not any more
                self._page.present(message.data, self.now())
                if self._read_at is None:
                    self.fetch(lambda: before(self.data.metrics), self.trends.seed)
                self._read_at = self.now()
            self._draw_frame()
        if self._reader.arrived(message.serial):
            self._reader.go_on(self._page)

    def on_not_loaded(self, message: NotLoaded) -> None:
        """Say why what is shown is old."""
        if not self._reader.arrived(message.serial):
            return
        if isinstance(message.error, RedisUnreachableError):
            self._lost(message.error.message)
        else:
            self.show_status(f"cannot be read: {message.error.message}")

    def on_happened(self, message: Happened) -> None:
        """Redis is there. What changed is read again at once."""
        if self._away:
            self._away = None
            self.query_one("#banner").display = False
            self._load_now()
        if message.events:
            for page in self._pages:
                page.heard(message.events)
            self._load(urgent=any("actor" in event.fields for event in message.events))

    def on_away(self, message: Away) -> None:
        """Redis does not answer."""
        self._lost(f"{message.error.message}; asked again in {message.seconds:.0f} s")

    def _lost(self, why: str) -> None:
        self._away = why
        seen = f"What is shown is STALE: of {self._read_at.astimezone():%H:%M:%S}." if self._read_at else ""
        banner = self.screen_stack[0].query_one("#banner", Static)
        banner.update(Content(escape_line(f"Redis is away. {why}. {seen}")))
        banner.display = True
        self._draw_frame()

    @on(Page.Asked)
    def _asked(self) -> None:
        self._load_now()

    # --- going about ------------------------------------------------------------------------------------

    def go(self, digit: str, only: Selector = EVERYTHING, select: str | None = None) -> None:
        """Show another screen, or that part of it alone, and select a row of it."""
        page = next(page for page in self._pages if page.digit == digit)
        if (page.digit, only) != (self._page.digit, self._page.only):
            self._before.append((self._page.digit, self._page.only))
        self._show(page, only)
        if select is not None and self._grid:
            self._grid.select(select)

    def _show(self, page: Page, only: Selector) -> None:
        self._page = page
        page.narrow(only)
        self.query_one(ContentSwitcher).current = page.id
        self._focus_grid()
        self.show_status("")
        self._draw_frame()
        self._load_now()

    def action_go(self, digit: str) -> None:
        """A digit: all of that screen."""
        self.go(digit)

    @on(Prompt.Closed)
    def _focus_grid(self) -> None:
        for screen in self.screen_stack[:1]:  # not in a window that is over it by now; there is none at the end
            screen.set_focus(self._grid)

    @property
    def _grid(self) -> Grid | None:
        """The table that keys mean, None where there is none, none yet, or none any more."""
        page = self._page
        return page.grid if isinstance(page, GridPage) and page.is_mounted and page.query(Grid) else None

    def action_leave(self) -> None:
        """Esc: drop the filter, then the marks, then go back to the screen before."""
        grid = self._grid
        if grid and grid.filter_text:
            grid.keep("")
            self.show_status("")
        elif grid and grid.marks:
            grid.unmark()
        elif self._before:
            digit, only = self._before.pop()
            self._show(next(page for page in self._pages if page.digit == digit), only)

    def action_key(self, pressed: str) -> None:
        """A key of `KEYS`: the page's business, else the app's."""
        key = next((key for key in chrome.available(self._page, self) if key.key == pressed), None)
        if not self._page.is_mounted:
            return
        if key is None:
            self.show_status("that key does nothing on this screen; ? lists those that do")
            return
        try:
            (getattr(self._page, f"do_{key.verb}", None) or getattr(self, f"do_{key.verb}"))()
        except RefusedError as error:
            self.show_status(f"refused: {error.message}")
        except QctlError as error:
            self.show_status(f"not done: {error.message}")

    def get_system_commands(self, _: Screen[Any]) -> Iterable[SystemCommand]:
        """What the palette offers: the screens, and the keys of this one."""
        for page in PAGES:
            yield SystemCommand(page.heading, f"screen {page.digit}", lambda digit=page.digit: self.go(digit))
        for key in chrome.available(self._page, self):
            yield SystemCommand(key.label or key.verb, key.help, lambda key=key.key: self.action_key(key))

    # --- keys of every screen ---------------------------------------------------------------------------

    def do_help(self) -> None:
        """Every key."""
        self.push_screen(Sheet("Keys", chrome.help_text(self._page, self, PAGES)))

    def do_quit(self) -> None:
        """Leave."""
        self.exit()

    def do_freeze(self) -> None:
        """Hold the picture still, or let it go on."""
        self._frozen = not self._frozen
        self.show_status("the picture is held; z lets it go on" if self._frozen else "")
        self._draw_frame()
        self._load_now()

    def do_theme(self) -> None:
        """The next theme."""
        at = THEMES.index(self.theme) if self.theme in THEMES else -1
        self.theme = THEMES[(at + 1) % len(THEMES)]
        self.show_status(f"theme: {self.theme}")

    def do_command(self) -> None:
        """Ask for a command line."""
        if self._run_line is None:
            self.show_status(NO_LINE)
        else:
            hint = "a command line without `qctl`: stats email --json"
            self.ask(Question(":", hint, self.command, complete=self._complete_line))

    def command(self, line: str) -> None:
        """Run what follows `qctl` on a command line, and show what it says; where that may not be, say so."""
        run = self._run_line
        if run is None:
            self.show_status(f"{NO_LINE}: qctl {line}")
        elif line:
            self.show_text(f"qctl {line}", lambda: run(line))

    def ask(self, question: Question) -> None:
        """Ask for a line."""
        self.query_one(Prompt).ask(question)

    @property
    def ops(self) -> Ops:
        """The operations that actions call. Raises RefusedError if there is no Redis to change."""
        if self._ops is None:
            raise RefusedError(self.read_only or "there is no Redis to change")
        return self._ops

    # --- acting -----------------------------------------------------------------------------------------

    def may_act(self) -> bool:
        """Whether something may be changed; says why where not."""
        if self.read_only:
            self.show_status(f"refused: {self.read_only}")
        elif self._away:
            self.show_status("refused: Redis is away")
        return not (self.read_only or self._away)

    def perform(self, act: Act | None) -> None:
        """Do it, in a thread. None: somebody thought better of it."""
        if act is None:
            self.show_status("nothing was done")
        elif not self._acting.start(act, self.ops.audit):
            self.show_status("another act goes on; x stops it")

    def do_undo(self) -> None:
        """Ask to undo what was done last."""
        if self._acting.undo:
            self._page.propose(self._acting.undo)
        else:
            last = self._acting.last
            self.show_status(f"there is no way back from: {last.title}" if last else "there is nothing to undo")

    def do_enqueue(self) -> None:
        """Ask which job, and with what arguments, and make it."""
        if self.may_act():
            self.fetch(self.ops.jobs.catalogued, lambda jobs: self.push_screen(NewJob(self.ops, jobs), self.perform))

    def do_stop(self) -> None:
        """Stop the act that goes on."""
        self.show_status("stopping ..." if self._acting.stop() else "no act goes on")

    def on_progressed(self, message: Progressed) -> None:
        """How far it is."""
        self.show_status(message.told)

    def on_ended(self, message: Ended) -> None:
        """It is over. What it changed is read at once."""
        self.show_status(message.told)
        if message.done:
            for grid in self._page.query(Grid):
                grid.unmark()
        self._load_now()

    # --- looking ----------------------------------------------------------------------------------------

    def fetch(self, produce: Callable[[], Thing], then: Callable[[Thing], object]) -> None:
        """Get something that takes time, in a thread, and go on with it where widgets are. Errors are told."""
        background_fetch.fetch(produce, then, self._post)

    def on_got(self, message: Got) -> None:
        """Here it is."""
        message.then(message.found)

    def on_not_got(self, message: NotGot) -> None:
        """Why it is not."""
        self.show_status(message.why)

    def show_text(self, title: str, produce: Callable[[], str]) -> None:
        """Show a text that takes time to get."""
        self.fetch(produce, lambda text: self.push_screen(Sheet(title, escape_text(text))))
