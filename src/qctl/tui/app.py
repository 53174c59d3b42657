"""The monitor: shows one page at a time, keeps it up to date, and runs actions."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from textual import on
from textual.app import ComposeResult, SystemCommand
from textual.binding import Binding
from textual.content import Content
from textual.css.query import NoMatches
from textual.message import Message
from textual.screen import Screen
from textual.widgets import ContentSwitcher, Static

from qctl.errors import QctlError, RedisUnreachableError, RefusedError
from qctl.models import Selector
from qctl.safe import escape_line, escape_text
from qctl.tui import chrome, keys, messages, themes
from qctl.tui.action_runner import ActionRunner
from qctl.tui.actions import Action
from qctl.tui.chrome import ChromeLine
from qctl.tui.data import background_fetch, event_feed
from qctl.tui.data.background_fetch import in_thread
from qctl.tui.data.depth_history import DepthHistory, read_depths
from qctl.tui.data.monitor_data import MonitorData
from qctl.tui.data.page_loader import MAX_INTERVAL_SECONDS, PageLoader
from qctl.tui.data.site_list import SiteList
from qctl.tui.host import ALL
from qctl.tui.page import GridPage, Page
from qctl.tui.pages import FLEET_PAGES, PAGES
from qctl.tui.pages.fleet import NO_CONTEXTS
from qctl.tui.session_app import SessionApp
from qctl.tui.themed_app import SaveTheme
from qctl.tui.widgets import progress_dialog
from qctl.tui.widgets.dialogs import TextWindow
from qctl.tui.widgets.forms import NewJobDialog
from qctl.tui.widgets.grid import Grid
from qctl.tui.widgets.prompt import Prompt, PromptRequest

if TYPE_CHECKING:
    from qctl.ops import Ops

MAX_VISITED_PAGES = 100
"""Pages that Esc leads back through."""

T = TypeVar("T")


class Monitor(SessionApp):
    """The app. `data` is shown; `ops` runs actions, None if nothing can be changed.

    `target` is the address of Redis without its password. `read_only` says why changes are refused, None if they are
    allowed. `run` runs `qctl LINE` and returns its output, None to disable command lines; `complete` returns the whole
    line that a part of it may become, None if there is none. `sites` are the contexts that it can switch to, by ending
    with the name of one. `save_theme` keeps a chosen theme.
    """

    TITLE = "qctl"
    CSS = chrome.CSS
    BINDINGS: ClassVar[list[Any]] = [
        *(Binding(key, f"key('{key}')", show=False) for key in dict.fromkeys(key.key for key in keys.KEYS)),
        *(Binding(page.digit, f"go_to('{page.digit}')", page.heading, show=False) for page in FLEET_PAGES),
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
        run: Callable[[str], str] | None = None,
        complete: Callable[[str], str | None] | None = None,
        sites: SiteList | None = None,
        theme: str = themes.DEFAULT,
        save_theme: SaveTheme | None = None,
    ) -> None:
        super().__init__(sites, run, complete, theme=theme, save_theme=save_theme)
        self.data = data
        self._ops = ops
        self.read_only = read_only
        self._target = target
        self.depths = DepthHistory()
        self._page_types = FLEET_PAGES if sites else PAGES
        self._pages = [page(self, id=f"page-{page.digit}") for page in self._page_types]
        self._page = self._pages[0]
        self._visited: deque[tuple[str, Selector]] = deque(maxlen=MAX_VISITED_PAGES)
        self.has_filled_page = False
        """True if the page shows all that it reads."""
        self.read_error: QctlError | None = None
        """The error of the last read that failed."""
        self._frozen = False
        self._away: str | None = None
        self._read_at: datetime | None = None
        self._ended = threading.Event()
        self._actions = ActionRunner(self._post)
        self._loader = PageLoader(data, self._post, self.set_timer)

    # --- chrome -----------------------------------------------------------------------------------------

    def compose(self) -> ComposeResult:
        """Place lines around the page."""
        yield ChromeLine(id="head")
        yield ChromeLine(id="tabs")
        yield Static(id="banner")
        with ContentSwitcher(initial=self._page.id):
            yield from self._pages
        yield Static(id="status")
        yield Prompt(id="prompt")
        yield ChromeLine(id="foot")

    def on_mount(self) -> None:
        """Start to follow events and to read pages."""
        in_thread(lambda: event_feed.follow(self.data.events, self._post, self._ended))
        self.set_interval(MAX_INTERVAL_SECONDS, self._draw_chrome)
        self.set_interval(MAX_INTERVAL_SECONDS, self._load)
        self._draw_chrome()
        self._load()

    def on_ready(self) -> None:
        """Focus the table when all pages are mounted."""
        self._focus_grid()

    def on_unmount(self) -> None:
        """End the threads."""
        self._ended.set()
        self._actions.stop()

    def on_resize(self) -> None:
        """Fit the chrome to another width."""
        self._draw_chrome()

    def now(self) -> datetime:
        """The time from which ages are computed."""
        return datetime.now(timezone.utc)

    def _draw_chrome(self) -> None:
        state = chrome.HeaderState(
            self._target,
            bool(self._away),
            self._frozen,
            bool(self.read_only),
            self._read_at,
            self._page.scope,
            self.sites.current if self.sites else "",
        )
        for screen in self.screen_stack[:1]:  # empty at exit
            chrome.draw(screen, state, self._page, self.now(), self._page_types)

    def show_status(self, text: str) -> None:
        """Show one line above the keys until the next one replaces it."""
        for screen in self.screen_stack[:1]:
            for status in screen.query("#status").results(Static):
                status.update(Content(escape_line(text)))

    def _post(self, message: Message) -> None:
        """Post a message from a thread, or drop it if the app has ended."""
        if not self._ended.is_set():
            try:
                self.post_message(message)
            except RuntimeError:  # the event loop closed between the two lines
                self._ended.set()

    # --- reading ----------------------------------------------------------------------------------------

    def _load(self, *, urgent: bool = False) -> None:
        """Read the page again as soon as the processor budget allows."""
        if not (self._frozen or self._away):
            self._loader.request(self._page, urgent=urgent)

    def _load_now(self) -> None:
        """Read the page at once."""
        if not (self._frozen or self._away):
            self._loader.load_now(self._page)

    def on_page_loaded(self, message: messages.PageLoaded) -> None:
        """Show the data unless the page changed meanwhile."""
        if message.page is self._page and not self._frozen:
            with suppress(NoMatches):  # its widgets are not mounted yet, or no longer
                self._page.present(message.data, self.now())
                if self._read_at is None:
                    self.fetch(lambda: read_depths(self.data.metrics), self.depths.add_past)
                self._read_at = self.now()
                self.has_filled_page = message.page.is_complete
            self._draw_chrome()
        if self._loader.finish(message.serial):
            self._loader.load_again_if_requested(self._page)

    def on_page_failed(self, message: messages.PageFailed) -> None:
        """Say why the page is out of date."""
        if not self._loader.finish(message.serial):
            return
        self.read_error = message.error
        if isinstance(message.error, RedisUnreachableError):
            self._show_away(message.error.message)
        else:
            self.show_status(f"cannot be read: {message.error.message}")

    def on_events_received(self, message: messages.EventsReceived) -> None:
        """Redis answers. Read the data that the events changed."""
        if self._away:
            self._away = None
            self.query_one("#banner").display = False
            self._load_now()
        if message.events:
            for page in self._pages:
                page.receive(message.events)
            self._load(urgent=any("actor" in event.fields for event in message.events))

    def on_redis_lost(self, message: messages.RedisLost) -> None:
        """Redis does not answer."""
        self.read_error = message.error
        self._show_away(f"{message.error.message}; next attempt in {message.seconds:.0f} s")

    def _show_away(self, reason: str) -> None:
        self._away = reason
        banner = self.screen_stack[0].query_one("#banner", Static)
        banner.update(chrome.away_content(reason, self._read_at))
        banner.display = True
        self._draw_chrome()

    @on(Page.ReloadRequested)
    def _reload(self) -> None:
        self._load_now()

    # --- navigation -------------------------------------------------------------------------------------

    def go_to(self, digit: str, selector: Selector = ALL, select: str | None = None) -> None:
        """Show another page, restricted by `selector`, with the row `select` selected."""
        page = next((page for page in self._pages if page.digit == digit), None)
        if page is None:
            self.show_status(NO_CONTEXTS)
            return
        if (page.digit, selector) != (self._page.digit, self._page.selector):
            self._visited.append((self._page.digit, self._page.selector))
        self._show_page(page, selector)
        if select is not None and self._grid:
            self._grid.select(select)

    def _show_page(self, page: Page, selector: Selector) -> None:
        self._page, self.has_filled_page = page, False
        page.restrict(selector)
        self.query_one(ContentSwitcher).current = page.id
        self._focus_grid()
        self.show_status("")
        self._draw_chrome()
        self._load_now()

    def action_go_to(self, digit: str) -> None:
        """Show all rows of a page."""
        self.go_to(digit)

    @on(Prompt.Closed)
    def _focus_grid(self) -> None:
        for screen in self.screen_stack[:1]:  # not in a window above it; empty at exit
            screen.set_focus(self._grid)

    @property
    def _grid(self) -> Grid | None:
        """The table that keys apply to, None if the page has none or is not mounted."""
        page = self._page
        return page.grid if isinstance(page, GridPage) and page.is_mounted and page.query(Grid) else None

    def action_leave(self) -> None:
        """Clear the filter, else the marks, else go back to the previous page."""
        grid, page = self._grid, self._page
        if grid and isinstance(page, GridPage) and page.clear_filter():
            self.show_status("")
        elif grid and grid.marks:
            grid.clear_marks()
        elif self._visited:
            digit, selector = self._visited.pop()
            self._show_page(next(page for page in self._pages if page.digit == digit), selector)

    def action_key(self, pressed: str) -> None:
        """Call the method of a key of `KEYS`: the page's, else the app's."""
        if not self._page.is_mounted:
            return
        key = next((key for key in keys.available(self._page, self) if key.key == pressed), None)
        if key is None:
            self.show_status("this key does nothing on this screen; ? lists the keys")
            return
        try:
            (getattr(self._page, f"do_{key.verb}", None) or getattr(self, f"do_{key.verb}"))()
        except RefusedError as error:
            self.show_status(f"refused: {error.message}")
        except QctlError as error:
            self.show_status(f"not done: {error.message}")

    def get_system_commands(self, _: Screen[Any]) -> Iterable[SystemCommand]:
        """Entries of the command palette: the pages, and the keys of this one."""
        for page in self._page_types:
            yield SystemCommand(page.heading, f"screen {page.digit}", lambda digit=page.digit: self.go_to(digit))
        for key in keys.available(self._page, self):
            yield SystemCommand(key.label or key.verb, key.help, lambda key=key.key: self.action_key(key))

    # --- keys of all pages ------------------------------------------------------------------------------

    def do_help(self) -> None:
        """List all keys."""
        self.push_screen(TextWindow("Keys", chrome.help_text(self._page, self, self._page_types)))

    def do_quit(self) -> None:
        """Quit."""
        self.exit()

    def do_freeze(self) -> None:
        """Freeze the page, or update it again."""
        self._frozen = not self._frozen
        self.show_status("the screen is frozen; z continues" if self._frozen else "")
        self._draw_chrome()
        self._load_now()

    def prompt(self, request: PromptRequest) -> None:
        """Ask for one line of text."""
        self.query_one(Prompt).open(request)

    # --- actions ----------------------------------------------------------------------------------------

    @property
    def ops(self) -> Ops:
        """The operations that actions call. Raises RefusedError if there is no Redis to change."""
        if self._ops is None:
            raise RefusedError(self.read_only or "there is no Redis to change")
        return self._ops

    def may_change(self) -> bool:
        """Return whether changes are allowed. The status line says why if they are not."""
        if self.read_only:
            self.show_status(f"refused: {self.read_only}")
        elif self._away:
            self.show_status("refused: Redis is away")
        return not (self.read_only or self._away)

    def start_action(self, action: Action | None) -> None:
        """Start an action in a thread; None means that it was canceled in its dialog."""
        if action is None:
            self.show_status("nothing was done")
        elif not self._actions.start(action, self.ops.audit):
            self.show_status("another action is running; x stops it")
        elif action.is_watched:
            self.push_screen(progress_dialog.ProgressDialog(action, self.do_stop))

    def do_undo(self) -> None:
        """Ask whether to undo the last action."""
        if self._actions.undo:
            self._page.confirm(self._actions.undo)
        else:
            last = self._actions.last
            self.show_status(f"cannot be undone: {last.title}" if last else "nothing to undo")

    def do_enqueue(self) -> None:
        """Ask for a job and its arguments, and enqueue it."""
        if self.may_change():
            ops = self.ops
            self.fetch(ops.jobs.offered, lambda jobs: self.push_screen(NewJobDialog(ops, jobs), self.start_action))

    def do_stop(self) -> None:
        """Stop the running action."""
        self.show_status("stopping ..." if self._actions.stop() else "no action is running")

    def on_action_progressed(self, message: messages.ActionProgressed) -> None:
        """Show the progress of the running action."""
        self.show_status(message.text)
        progress_dialog.follow(self.screen_stack, message)

    def on_action_ended(self, message: messages.ActionEnded) -> None:
        """Show the result, and read the data that the action changed."""
        self.show_status(message.text)
        progress_dialog.follow(self.screen_stack, message)
        if message.result:
            for grid in self._page.query(Grid):
                grid.clear_marks()
        self._load_now()

    def fetch(self, produce: Callable[[], T], then: Callable[[T], object]) -> None:
        """Produce a value in a thread, then call `then` with it on the app's thread. Errors become status lines."""
        background_fetch.fetch(produce, then, self._post)

    def on_fetched(self, message: messages.Fetched) -> None:
        """Continue with a value."""
        message.then(message.value)

    def on_fetch_failed(self, message: messages.FetchFailed) -> None:
        """Say why there is no value."""
        self.show_status(message.reason)

    def show_text(self, title: str, produce: Callable[[], str]) -> None:
        """Produce a text in a thread and show it in a window."""
        self.fetch(produce, lambda text: self.push_screen(TextWindow(title, escape_text(text))))
