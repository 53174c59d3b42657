"""Prompts: confirmation, typed names and passwords.

Single reversible actions are not confirmed, bulk actions ask y/N with their count, clearing and purging ask for a
name. Without a terminal such an action is refused, with the option to add.
"""

from __future__ import annotations

import getpass
import sys
from shlex import quote

from qctl.cli.output import Output, is_terminal
from qctl.errors import RefusedError, UsageError

MAX_PASSWORD_CHARACTERS = 1000
"""Characters read from one line of stdin."""


def confirm(out: Output, question: str) -> None:
    """Ask y/N. Raises RefusedError unless the answer is yes."""
    _require_terminal("this asks for confirmation", "--yes")
    if _ask(out, f"{question} [y/N]").lower() not in ("y", "yes"):
        raise RefusedError("not confirmed; nothing was changed")


def confirm_name(out: Output, warning: str, name: str, confirmation: str | None, *, yes: bool = False) -> None:
    """Ask the user to type `name` before an action that cannot be undone. `confirmation` is the value of --confirm.
    `yes` accepts without a name.

    Raises RefusedError if the names differ.
    """
    if yes and confirmation is None:
        return
    if confirmation is None:
        _require_terminal("this asks for a name", f"--confirm {quote(name)}")
        out.say(warning)
        confirmation = _ask(out, f"Type {name} to confirm:")
    if confirmation != name:
        raise RefusedError(f"not confirmed: {confirmation!r} is not {name!r}; nothing was changed")


def read_password() -> str:
    """Read a password: typed twice on a terminal, else the first line of stdin. Never an option: command lines are
    visible to other users of the machine.

    Raises UsageError if there is none, and RefusedError if the two differ.
    """
    if sys.stdin is not None and is_terminal(sys.stdin) and is_terminal(sys.stderr):
        password = _type_password("Password: ")
        if password != _type_password("Repeat password: "):
            raise RefusedError("the passwords differ; nothing was changed")
        return password
    line = sys.stdin.readline(MAX_PASSWORD_CHARACTERS) if sys.stdin is not None else ""
    if not line.rstrip("\r\n"):
        raise UsageError("no password on stdin", "write one to stdin, or add --generate")
    return line.rstrip("\r\n")


def _type_password(prompt: str) -> str:
    try:
        return getpass.getpass(prompt)
    except EOFError:
        raise RefusedError("no password typed; nothing was changed") from None


def _require_terminal(reason: str, option: str) -> None:
    if not (is_terminal(sys.stdin) and is_terminal(sys.stderr)):
        raise RefusedError(f"{reason}, but there is no terminal; nothing was changed", f"add {option}")


def _ask(out: Output, prompt: str) -> str:
    out.prompt(prompt)
    return sys.stdin.readline().strip()
