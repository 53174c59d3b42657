"""The page of `qctl --help`, written beforehand: of a command that only prints a text, nothing else should be read.

`make completions` writes it anew, and a test compares it with what the tree of commands says.
"""

from __future__ import annotations

import os
import sys

PAGE = os.path.join(os.path.dirname(__file__), "help.txt")

COLUMNS = 80
"""What it was written for, and what help is as wide as at most. On a narrower terminal it is made anew."""


CUT_OFF = 141
"""`ExitCode.CUT_OFF`, which is not imported for this."""


def shown(arguments: list[str]) -> int | None:
    """Print the page if that is all that is asked for, and there is room. Returns the exit code, None where it did
    not."""
    if arguments != ["--help"] or sys.stdout is None or _columns() < COLUMNS:
        return None
    try:
        with open(PAGE, encoding="utf-8") as page:
            sys.stdout.write(page.read())
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what it still holds goes nowhere
        return CUT_OFF
    except (OSError, UnicodeError):
        return None  # whoever says it the long way knows what to do then
    return 0


def _columns() -> int:
    """The width of the terminal, as `shutil.get_terminal_size` finds it."""
    told = os.environ.get("COLUMNS", "")
    if told.isdecimal() and int(told) > 0:
        return int(told)
    try:
        return os.get_terminal_size(sys.__stdout__.fileno()).columns or COLUMNS  # type: ignore[union-attr]
    except (AttributeError, OSError, ValueError):
        return COLUMNS
