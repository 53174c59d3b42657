"""What surrounds every screen: the line of the connection, the names of the screens, the keys at the bottom."""

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
from qctl.tui.keys import KEYS, MOVES, Key
from qctl.tui.page import Page
from qctl.view.column_layout import fit_text

ALWAYS = ("help", "quit")
"""What the footer keeps at its end, however narrow it is."""


@dataclass(frozen=True)
class State:
    """What the first line tells. `read_at` is when what is shown was read, `only` the part that is looked at."""

    target: str
    away: bool
    frozen: bool
    read_only: bool
    read_at: datetime | None
    only: str = ""

    @property
    def word(self) -> str:
        """The connection in a sign and a word."""
        if self.away:
            return "○ away"
        if self.frozen:
            return "= frozen"
        return "● connected" if self.read_at else "○ connecting"


class Steady(Static):
    """A line of the frame. It is drawn when it says something else, and nothing beside it moves."""

    def say(self, content: Content) -> None:
        """Say this."""
        if content != self.content:
            self.update(content, layout=False)


def draw(screen: Screen[Any], state: State, page: Page, now: datetime, pages: Sequence[type[Page]]) -> None:
    """All around the page that is shown, where that is there already, and still."""
    width = screen.app.size.width
    with suppress(NoMatches):
        screen.query_one("#head", Steady).say(head(state, now, width))
        screen.query_one("#tabs", Steady).say(tabs(pages, type(page), width))
        screen.query_one("#foot", Steady).say(foot(page, screen.app, width))


def head(state: State, now: datetime, width: int) -> Content:
    """The first line."""
    only = f"  only {escape_line(state.only)}" if state.only else ""
    left = f" qctl  {state.word}{only}  {escape_line(state.target)}" + ("  read-only" if state.read_only else "")
    right = f"{now.astimezone():%H:%M:%S} "
    if state.frozen and state.read_at:
        right = f"as of {state.read_at.astimezone():%H:%M:%S}  {right}"
    return Content(fit_text(left, max(0, width - len(right) - 1)) + " " + right)


def tabs(pages: Sequence[type[Page]], current: type[Page], width: int) -> Content:
    """The second line: every screen by its digit, the one that is shown in brackets."""

    def written(short: bool) -> list[tuple[str, str]]:
        return [
            (f"[{page.digit} {page.heading}]", "bold reverse")
            if page is current
            else (f" {page.digit} " if short else f" {page.digit} {page.heading} ", "")
            for page in pages
        ]

    whole = written(False)
    room = sum(len(text) for text, _ in whole) <= width
    return Content.assemble(*(whole if room else written(True)))


def available(page: object, app: object) -> list[Key]:
    """The keys that do something where one is."""
    there = {key.key: key for key in reversed(KEYS) if hasattr(app, f"do_{key.verb}")}
    there |= {key.key: key for key in reversed(KEYS) if hasattr(page, f"do_{key.verb}")}
    return [key for key in KEYS if there.get(key.key) is key]


def foot(page: object, app: object, width: int) -> Content:
    """The last line: as many keys as there is room for."""
    keys = [key for key in available(page, app) if key.label]
    end = [key for key in keys if key.verb in ALWAYS]
    room = width - sum(_size(key) for key in end)
    shown: list[Key] = []
    for key in (key for key in keys if key.verb not in ALWAYS):
        if _size(key) > room:
            break
        room -= _size(key)
        shown.append(key)
    return Content.assemble(*(part for key in (*shown, *end) for part in ((f" {key.shown}", "bold"), f" {key.label} ")))


def _size(key: Key) -> int:
    return len(key.shown) + len(key.label) + 3


def help_text(page: object, app: object, pages: Sequence[type[Page]]) -> str:
    """Every key: those of this screen first."""
    here = available(page, app)
    lines = ["Screens", *(f"  {one.digit:<14} {one.heading}" for one in pages), "", "Moving"]
    lines += [f"  {keys:<14} {said}" for keys, said in MOVES]
    lines += ["", "On this screen", *(f"  {key.shown:<14} {key.help}" for key in here)]
    others = [key for key in KEYS if key not in here]
    return "\n".join(lines + (["", "On others", *(f"  {k.shown:<14} {k.help}" for k in others)] if others else []))
