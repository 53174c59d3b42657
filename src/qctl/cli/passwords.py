"""Asking for a password: it stands in no command line, which others of the machine can read."""

from __future__ import annotations

import getpass
import sys

from qctl.cli.output import is_terminal
from qctl.errors import RefusedError, UsageError

LONGEST = 1000
"""Characters that are read of a line."""


def ask() -> str:
    """A password: typed twice where there is a terminal, else the first line of stdin. Raises UsageError where there
    is none, and RefusedError where the two are not the same."""
    if sys.stdin is not None and is_terminal(sys.stdin) and is_terminal(sys.stderr):
        first = _typed("Password: ")
        if first != _typed("Again: "):
            raise RefusedError("nothing was done: these are two passwords")
        return first
    line = sys.stdin.readline(LONGEST) if sys.stdin is not None else ""
    if not line.rstrip("\r\n"):
        raise UsageError("there is no password on stdin", "write it there, or add --generate")
    return line.rstrip("\r\n")


def _typed(prompt: str) -> str:
    try:
        return getpass.getpass(prompt)
    except EOFError:
        raise RefusedError("nothing was done: no password was typed") from None
