"""The lines around every page: connection, names of the pages, and keys."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from textual.content import Content
from textual.css.query import NoMatches
from textual.screen import Screen
from textual.style import Style
from textual.widgets import Static

from qctl.safe import escape_line
from qctl.tui.keys import KEYS, NAVIGATION, Key, available
from qctl.tui.page import Page

CSS = """
Screen { layout: vertical; background: $surface; color: $foreground; }
ModalScreen { background: $background 60%; }
ChoiceDialog { background: transparent; }
.-narrow DeadLettersPage > Horizontal { layout: vertical; }
.-widest DetailPane { display: block; }
.-widest #plots { grid-size: 2; }
.-widest IngestPage Container { layout: horizontal; }
.-widest IngestPage .none { height: 1fr; }
.-widest #topics { width: 3fr; }
.-widest #lag { display: block; width: 2fr; }
.-short #failed { display: none; }
.-wide #tiles, .-widest #tiles { height: 3; }
.-wide.-tall #tiles, .-widest.-tall #tiles { height: 4; }
.-narrow Grid, .-narrow .panel { border: none; border-top: solid $frame; }
.-narrow Tile { border: none; padding: 0 1; }
.-narrow Grid:focus, .-narrow .panel:focus { border: none; border-top: solid $frame-focused; }
ContentSwitcher { height: 1fr; }
#head { height: 1; background: $panel; }
#tabs { height: 1; background: $panel; color: $text-muted; }
#banner { height: auto; background: $alarm; color: $alarm-text; text-style: bold; padding: 0 1; display: none; }
#status { height: auto; max-height: 3; padding: 0 2; color: $text-muted; }
#foot { height: 1; background: $panel; color: $text-muted; }
"""

CURRENT_TAB = "bold $chosen-text on $chosen"

FIXED_VERBS = ("help", "quit")
"""Keys at the end of the footer, however narrow it is."""


@dataclass(frozen=True)
class HeaderState:
    """Content of the first line. `read_at` is when the page was read, `scope` the part of its rows that it shows, and
    `context` the name of the settings in use, empty if there is none."""

    target: str
    away: bool
    frozen: bool
    read_only: bool
    read_at: datetime | None
    scope: str = ""
    context: str = ""

    @property
    def connection(self) -> tuple[str, str]:
        """The state of the connection as a sign and a word, and its style."""
        if self.away:
            return "○ away", "bold $text-error"
        if self.frozen:
            return "= frozen", "bold $text-warning"
        return ("● connected", "$text-success") if self.read_at else ("○ connecting", "$text-muted")


class ChromeLine(Static):
    """One line. It is drawn only if its content changes, and its size never does."""

    auto_links = False

    def show(self, content: Content) -> None:
        """Show this content."""
        if not (isinstance(self.content, Content) and content.is_same(self.content)):
            self.update(content, layout=False)


def away_content(reason: str, read_at: datetime | None) -> Content:
    """The banner over data that cannot be read again."""
    stale = f"Data is STALE: read at {read_at.astimezone():%H:%M:%S}." if read_at else ""
    return Content(escape_line(f"Redis is away. {reason}. {stale}"))


def draw(screen: Screen[Any], state: HeaderState, page: Page, now: datetime, pages: Sequence[type[Page]]) -> None:
    """Draw all lines that are mounted."""
    width = screen.app.size.width
    with suppress(NoMatches):
        screen.query_one("#head", ChromeLine).show(header(state, now, width))
        screen.query_one("#tabs", ChromeLine).show(tabs(pages, type(page), width))
        screen.query_one("#foot", ChromeLine).show(footer(page, screen.app, width))


def header(state: HeaderState, now: datetime, width: int) -> Content:
    """The first line: connection and time."""
    parts = [
        (" qctl ", "bold $text-primary"),
        (f" {state.context} " if state.context else "", "bold"),
        (f" {state.connection[0]}", state.connection[1]),
        (f"  only {escape_line(state.scope)}" if state.scope else "", "bold"),
        (f"  {escape_line(state.target)}", ""),
        ("  read-only" if state.read_only else "", "$text-warning"),
    ]
    right = f"{now.astimezone():%H:%M:%S} "
    if state.frozen and state.read_at:
        right = f"as of {state.read_at.astimezone():%H:%M:%S}  {right}"
    left = Content.assemble(*(part for part in parts if part[0]))
    room = max(0, width - len(right) - 1)
    return left.truncate(room, ellipsis=True).pad_right(max(0, room - left.cell_length)) + f" {right}"


def tabs(pages: Sequence[type[Page]], current: type[Page], width: int) -> Content:
    """The second line: every page by its digit, the current one in brackets; the others with short names, or with none,
    if they do not fit. A click shows the page."""

    def texts(name_of: Callable[[type[Page]], str], current_name: str = current.heading) -> list[str]:
        return [
            f"[{page.digit} {current_name}]" if page is current else f" {page.digit} {name_of(page)}".rstrip() + " "
            for page in pages
        ]

    choices = [
        texts(lambda page: page.heading),
        texts(lambda page: page.short),
        texts(lambda page: page.short, current.short),
        texts(lambda _: ""),
    ]
    fitting = next((choice for choice in choices if sum(map(len, choice)) <= width), choices[-1])
    return Content.assemble(
        *(
            _clickable(text, CURRENT_TAB if page is current else "", f"app.go_to('{page.digit}')")
            for text, page in zip(fitting, pages, strict=True)
        )
    )


def _clickable(text: str, style: str, action: str) -> Content:
    return Content.styled(text, style).stylize(Style.from_meta({"@click": action}))


def footer(page: object, app: object, width: int) -> Content:
    """The last line: as many keys as fit. A click does what its key does."""
    keys = [key for key in available(page, app) if key.label]
    fixed = [key for key in keys if key.verb in FIXED_VERBS]
    room = width - sum(_width(key) for key in fixed)
    fitting: list[Key] = []
    for key in (key for key in keys if key.verb not in FIXED_VERBS):
        if _width(key) > room:
            break
        room -= _width(key)
        fitting.append(key)
    return Content.assemble(
        *(
            _clickable(text, style, f"app.key('{key.key}')")
            for key in (*fitting, *fixed)
            for text, style in ((f" {key.display}", "bold $text-primary"), (f" {key.label} ", ""))
        )
    )


def _width(key: Key) -> int:
    return len(key.display) + len(key.label) + 3


def help_text(page: object, app: object, pages: Sequence[type[Page]]) -> str:
    """A list of all keys, those of this page first."""
    here = available(page, app)
    lines = ["Screens", *(f"  {page.digit:<14} {page.heading}" for page in pages), "", "Navigation"]
    lines += [f"  {keys:<14} {text}" for keys, text in NAVIGATION]
    lines += ["", "On this screen", *(f"  {key.display:<14} {key.help}" for key in here)]
    others = [key for key in KEYS if key not in here]
    lines += ["", "On other screens", *(f"  {key.display:<14} {key.help}" for key in others)] if others else []
    return "\n".join(lines)
