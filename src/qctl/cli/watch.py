"""Periodic display of a command: `--watch 2s`."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from time import monotonic, sleep

from qctl.cli.output import Format, Output, is_terminal
from qctl.errors import UnreachableError
from qctl.quantities import quantity
from qctl.safe import escape_line

ENTER_SCREEN, LEAVE_SCREEN = "\x1b[?1049h\x1b[?25l\x1b[?7l", "\x1b[?7h\x1b[?25h\x1b[?1049l"
"""Switch to the terminal's alternate screen without cursor and wrapping, and back to the previous content."""

CURSOR_HOME, CLEAR_LINE, CLEAR_SCREEN = "\x1b[H", "\x1b[K", "\x1b[J"


def repeat(out: Output, seconds: float, show: Callable[[], None]) -> None:
    """Call `show` every `seconds` until Ctrl-C: in place on a terminal, else one output after the other.

    If Redis stops answering, say so and continue. It must answer the first time.
    """
    last = ""
    with _screen(out) as paint:
        while True:
            started = monotonic()
            problem = None
            try:
                with out.captured() as parts:
                    show()
                last = "".join(parts)
            except UnreachableError as error:
                if not last:
                    raise
                problem = error.message
            paint(last, f"every {seconds:g}s   {datetime.now().astimezone():%H:%M:%S}", problem)
            sleep(max(0.0, started + seconds - monotonic()))


@contextmanager
def _screen(out: Output) -> Iterator[Callable[[str, str, str | None], None]]:
    """Yield a function that displays a text with its heading and a problem, if any."""

    def append(text: str, _heading: str, problem: str | None) -> None:
        if problem:
            out.complain(problem)
        else:
            out.print(text)

    def paint(text: str, heading: str, problem: str | None) -> None:
        rows = shutil.get_terminal_size().lines
        stale = f"   {escape_line(problem)}; showing the last answer" if problem else ""
        lines = [heading + stale, "", *text.splitlines()]
        if len(lines) > rows:
            lines = [*lines[: rows - 1], f"... {quantity(len(lines) - rows + 1, 'more line')}"]
        out.print(CURSOR_HOME + (CLEAR_LINE + "\r\n").join(lines) + CLEAR_LINE + CLEAR_SCREEN)

    in_place = out.format in (None, Format.TABLE) and is_terminal(sys.stdout) and os.environ.get("TERM") != "dumb"
    if not in_place:
        yield append
        return
    out.print(ENTER_SCREEN)
    try:
        yield paint
    finally:
        out.print(LEAVE_SCREEN)
