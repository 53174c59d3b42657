"""The combined output: every line of every program, prefixed by its time and the program's name."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TextIO

from honcho.printer import Message, Printer

from qctl.safe import escape_text

OWN_NAME = "qctl"
"""The name before lines of `qctl up` itself."""


def wants_colour(stream: TextIO) -> bool:
    """True if this stream is a terminal with colours, and they were not switched off."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


class LogPrinter(Printer):  # type: ignore[misc] # honcho is not typed
    """honcho's printer. Escapes and shortens lines first, and survives a reader that goes away.

    `tidy` maps a program's name to a function that shortens a line, or returns None to drop it.
    """

    def __init__(self, output: TextIO, tidy: Mapping[str, Callable[[str], str | None]]) -> None:
        super().__init__(output, colour=wants_colour(output), width=max(map(len, tidy), default=0))
        self._tidy = tidy
        self.gone = False

    def write(self, message: Message) -> str:
        """Print one line, and return it as it was printed: empty if it was dropped."""
        raw = message.data
        text = raw.decode(errors="replace") if isinstance(raw, bytes) else raw
        line = self._tidy.get(message.name, str)(text.rstrip("\r\n"))
        if line is None:
            return ""
        line = escape_text(line)
        self.guarded(lambda: super(LogPrinter, self).write(message._replace(data=line or " ")))
        return line

    def say(self, text: str) -> None:
        """Print a line of `qctl up` itself."""
        self.write(Message("line", text, datetime.now(), OWN_NAME, None))  # noqa: DTZ005 - wall clock, as honcho's

    def guarded(self, act: Callable[[], object]) -> None:
        """Call a function that writes to the output; do nothing once the reader has gone."""
        if self.gone:
            return
        try:
            act()
        except OSError:  # a closed pipe, or a terminal that hung up
            self.gone = True
            # Flushing the rest of the buffer would fail again when Python exits.
            os.dup2(os.open(os.devnull, os.O_WRONLY), self.output.fileno())
