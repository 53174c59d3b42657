"""Prerendered page of `qctl --help`, printed without importing the commands.

`make completions` renders it, and a test compares it with the command tree.
"""

from __future__ import annotations

import os
import sys

PAGE = os.path.join(os.path.dirname(__file__), "help.txt")

COLUMNS = 80
"""Width of the page, and the maximum width of any help. On a narrower terminal, help is rendered on demand."""

REQUESTS = (["--help"], ["-h"], ["help"])
"""Command lines that print the page."""

STDOUT_CLOSED = 141
"""Equals `ExitCode.STDOUT_CLOSED`, which is not imported for this."""


def print_page(arguments: list[str]) -> int | None:
    """Print the page if the command line requests it and the terminal is wide enough.

    Returns the exit code, or None if nothing was printed.
    """
    if arguments not in REQUESTS or sys.stdout is None or _terminal_columns() < COLUMNS:
        return None
    try:
        with open(PAGE, encoding="utf-8") as page:
            sys.stdout.write(page.read())
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # discard the buffered rest at exit
        return STDOUT_CLOSED
    except (OSError, UnicodeError):
        return None  # rendering on demand handles these
    return 0


def _terminal_columns() -> int:
    """Return the width of the terminal, as `shutil.get_terminal_size` does."""
    columns = os.environ.get("COLUMNS", "")
    if columns.isdecimal() and int(columns) > 0:
        return int(columns)
    try:
        return os.get_terminal_size(sys.__stdout__.fileno()).columns or COLUMNS  # type: ignore[union-attr]
    except (AttributeError, OSError, ValueError):
        return COLUMNS
