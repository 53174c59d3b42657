"""Showing the same thing again and again: `--watch 2s`."""

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
from qctl.safe import escape_line

ENTER, LEAVE = "\x1b[?1049h\x1b[?25l\x1b[?7l", "\x1b[?7h\x1b[?25h\x1b[?1049l"
"""The terminal's other screen, without a cursor and without wrapping, and back: what stood there before is there."""

HOME, END_OF_LINE, END_OF_SCREEN = "\x1b[H", "\x1b[K", "\x1b[J"


def repeat(out: Output, seconds: float, show: Callable[[], None]) -> None:
    """Call `show` every so many seconds, until Ctrl-C: in place on a terminal, else one after another.

    Redis may go away meanwhile: that is told, and it goes on. It must be there at first.
    """
    shown = ""
    with _screen(out) as paint:
        while True:
            began = monotonic()
            trouble = None
            try:
                with out.held() as parts:
                    show()
                shown = "".join(parts)
            except UnreachableError as error:
                if not shown:
                    raise
                trouble = error.message
            paint(shown, f"every {seconds:g}s   {datetime.now().astimezone():%H:%M:%S}", trouble)
            sleep(max(0.0, began + seconds - monotonic()))


@contextmanager
def _screen(out: Output) -> Iterator[Callable[[str, str, str | None], None]]:
    """Give what shows a text with its heading, and with what is wrong if anything is."""

    def follow(text: str, _heading: str, trouble: str | None) -> None:
        if trouble:
            out.complain(trouble)
        else:
            out.print(text)

    def paint(text: str, heading: str, trouble: str | None) -> None:
        rows = shutil.get_terminal_size().lines
        stale = f"   {escape_line(trouble)}; this was seen last" if trouble else ""
        lines = [heading + stale, "", *text.splitlines()]
        if len(lines) > rows:
            lines = [*lines[: rows - 1], f"... {len(lines) - rows + 1} more lines"]
        out.print(HOME + (END_OF_LINE + "\r\n").join(lines) + END_OF_LINE + END_OF_SCREEN)

    in_place = out.format in (None, Format.TABLE) and is_terminal(sys.stdout) and os.environ.get("TERM") != "dumb"
    if not in_place:
        yield follow
        return
    out.print(ENTER)
    try:
        yield paint
    finally:
        out.print(LEAVE)
