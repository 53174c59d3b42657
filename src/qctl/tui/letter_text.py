"""A dead letter as coloured text: its error, its traceback with the application's frames bright, and its payload."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime

from textual.content import Content
from textual.highlight import HighlightTheme, highlight

from qctl import view
from qctl.models import DeadLetterDetail
from qctl.safe import escape_text, redact
from qctl.tui.widgets.cells import cells_content
from qctl.view import Cell, Style

_FRAME = re.compile(r'\s*File "(?P<file>[^"]*)", line \d')

_LIBRARY = re.compile(r"(site|dist)-packages/|/lib(64)?/python\d|^<frozen ")
"""Files of libraries and of Python itself: the cause is rarely there."""


class SolidHighlightTheme(HighlightTheme):
    """Textual's colours of code without their share of the ground, which would cost them the contrast of `themes`."""

    STYLES = {  # noqa: RUF012 - the base class declares it so
        token: re.sub(r" [0-9]+%| on [^ ]+", "", style) for token, style in HighlightTheme.STYLES.items()
    }


def letter_content(detail: DeadLetterDetail, now: datetime) -> Content:
    """A dead letter in the order of the questions about it: what failed, where, with which payload, and the rest."""
    parts = [cells_content([*_head(detail, now), *view.section("traceback"), *traceback_cells(detail.traceback)])]
    size = view.size(detail.payload_size)
    if detail.payload is None:
        call = f"not JSON, and never unpickled: {detail.description or view.NO_VALUE}"
        parts.append(cells_content(view.section(f"payload, {size}", call)))
    else:
        parts.append(cells_content(view.section(f"payload, {size}")))
        parts.append(highlight(escape_text(redact(detail.payload)), language="json", theme=SolidHighlightTheme))
    if detail.meta:
        parts.append(cells_content(view.section("meta", detail.meta)))
    return Content("\n").join(parts)


def _head(detail: DeadLetterDetail, now: datetime) -> Iterator[Cell]:
    letter = detail.letter
    runs = "" if letter.attempts is None else f"  {view.quantity(letter.attempts, 'run')}"
    yield Cell(letter.error, "bad")
    if detail.note:
        yield Cell(view.note_text(detail.note, now))
    yield Cell(f"{letter.function}  {letter.queue}  {letter.kind} {view.ago(letter.died_at, now)}{runs}", "dim")
    yield Cell(f"{letter.id}  cause {letter.fingerprint or view.NO_VALUE}", "dim")


def traceback_cells(text: str) -> Iterator[Cell]:
    """The lines of a traceback: frames of libraries muted, and the error at its end marked."""
    style: Style = ""
    for line in text.rstrip().split("\n"):
        frame = _FRAME.match(line)
        if frame:
            style = "dim" if _LIBRARY.search(frame["file"]) else ""
        elif not line.startswith(" "):
            style = "dim" if line.startswith(("Traceback ", "During ", "The above ")) else "bad"
        yield Cell(line, style)
