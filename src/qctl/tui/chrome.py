"""The lines around every page: connection, names of the pages, and keys."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from textual.content import Content
from textual.css.query import NoMatches
from textual.screen import Screen
from textual.widgets import Static

from qctl.safe import escape_line
from qctl.tui.keys import KEYS, NAVIGATION, Key
from qctl.tui.page import Page
from qctl.view.column_layout import fit_text

CSS = """
Screen { layout: vertical; background: $surface; }
ContentSwitcher { height: 1fr; }
#head { height: 1; background: $panel; text-style: bold; }
#tabs { height: 1; background: $panel; }
#banner { height: auto; background: $error; color: $text; text-style: bold; padding: 0 1; display: none; }
#status { height: auto; max-height: 3; padding: 0 2; color: $text-muted; }
#foot { height: 1; background: $panel; }
"""

FIXED_VERBS = ("help", "quit")
"""Keys at the end of the footer, however narrow it is."""


@dataclass(frozen=True)
class HeaderState:
    """Content of the first line. `read_at` is when the page was read, `scope` the part of its rows that it shows."""

    target: str
    away: bool
    frozen: bool
    read_only: bool
    read_at: datetime | None
    scope: str = ""

    @property
    def connection(self) -> str:
        """The state of the connection as a sign and a word."""
        if self.away:
            return "○ away"
        if self.frozen:
            return "= frozen"
        return "● connected" if self.read_at else "○ connecting"


class ChromeLine(Static):
    """One line. It is drawn only if its content changes, and its size never does."""

    def show(self, content: Content) -> None:
        """Show this content."""
        if content != self.content:
            self.update(content, layout=False)


def draw(screen: Screen[Any], state: HeaderState, page: Page, now: datetime, pages: Sequence[type[Page]]) -> None:
    """Draw all lines that are mounted."""
    width = screen.app.size.width
    with suppress(NoMatches):
        screen.query_one("#head", ChromeLine).show(header(state, now, width))
        screen.query_one("#tabs", ChromeLine).show(tabs(pages, type(page), width))
        screen.query_one("#foot", ChromeLine).show(footer(page, screen.app, width))


def header(state: HeaderState, now: datetime, width: int) -> Content:
    """The first line: connection and time."""
    scope = f"  only {escape_line(state.scope)}" if state.scope else ""
    read_only = "  read-only" if state.read_only else ""
    left = f" qctl  {state.connection}{scope}  {escape_line(state.target)}{read_only}"
    right = f"{now.astimezone():%H:%M:%S} "
    if state.frozen and state.read_at:
        right = f"as of {state.read_at.astimezone():%H:%M:%S}  {right}"
    return Content(fit_text(left, max(0, width - len(right) - 1)) + " " + right)


def tabs(pages: Sequence[type[Page]], current: type[Page], width: int) -> Content:
    """The second line: every page by its digit, the current one in brackets; without names if they do not fit."""

    def parts(short: bool) -> list[tuple[str, str]]:
        return [
            (f"[{page.digit} {page.heading}]", "bold reverse")
            if page is current
            else (f" {page.digit} " if short else f" {page.digit} {page.heading} ", "")
            for page in pages
        ]

    named = parts(False)
    fits = sum(len(text) for text, _ in named) <= width
    return Content.assemble(*(named if fits else parts(True)))


def available(page: object, app: object) -> list[Key]:
    """The keys that a page or the app has methods for."""
    by_key = {key.key: key for key in reversed(KEYS) if hasattr(app, f"do_{key.verb}")}
    by_key |= {key.key: key for key in reversed(KEYS) if hasattr(page, f"do_{key.verb}")}
    return [key for key in KEYS if by_key.get(key.key) is key]


def footer(page: object, app: object, width: int) -> Content:
    """The last line: as many keys as fit."""
    keys = [key for key in available(page, app) if key.label]
    fixed = [key for key in keys if key.verb in FIXED_VERBS]
    room = width - sum(_width(key) for key in fixed)
    fitting: list[Key] = []
    for key in (key for key in keys if key.verb not in FIXED_VERBS):
        if _width(key) > room:
            break
        room -= _width(key)
        fitting.append(key)
    parts = [part for key in (*fitting, *fixed) for part in ((f" {key.display}", "bold"), f" {key.label} ")]
    return Content.assemble(*parts)


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
