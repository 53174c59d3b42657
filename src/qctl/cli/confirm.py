"""Asking before danger. Mild acts ask nothing, bulk acts ask y/N with their count, clearing and purging want a name.

Without a terminal nothing is asked: the act is refused, with what to add to the command line.
"""

from __future__ import annotations

import sys
from shlex import quote

from qctl.cli.output import Output, is_terminal
from qctl.errors import RefusedError


def ask_yes_no(out: Output, question: str) -> None:
    """Ask y/N before a bulk act, where --yes was not given. Raises RefusedError if the answer is not yes."""
    _need_terminal("this asks first", "--yes")
    if _answer(out, f"{question} [y/N]").lower() not in ("y", "yes"):
        raise RefusedError("nothing was done: not confirmed")


def ask_to_type_name(out: Output, warning: str, name: str, given: str | None) -> None:
    """Have `name` typed before what people regret; `given` is what --confirm says.

    Raises RefusedError where it is another name.
    """
    if given is None:
        _need_terminal("this asks for a name first", f"--confirm {quote(name)}")
        out.say(warning)
        given = _answer(out, f"Type {name} to go on:")
    if given != name:
        raise RefusedError(f"nothing was done: {given!r} is not {name!r}")


def _need_terminal(what: str, flag: str) -> None:
    if not (is_terminal(sys.stdin) and is_terminal(sys.stderr)):
        raise RefusedError(f"nothing was done: {what}, and there is no terminal to ask on", f"add {flag}")


def _answer(out: Output, prompt: str) -> str:
    out.prompt(prompt)
    return sys.stdin.readline().strip()
