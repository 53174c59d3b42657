"""Noting what was done: each command that changes something leaves a line in the audit, however it ended."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import typer

from qctl.cli.exits import ExitCode, exit_code_for
from qctl.cli.output import StdoutClosedError
from qctl.cli.session import Session
from qctl.errors import QctlError

NOTHING_HAPPENED = (ExitCode.USAGE, ExitCode.UNREACHABLE)
"""Ends of a command that asked Redis for nothing, or reached none to write to."""

PATIENCE = 1.0
"""Seconds that somebody who pressed Ctrl-C waits for the note: Redis may be what they gave up on."""


def audited(session: Session, command: str, act: Callable[[], ExitCode | None]) -> ExitCode | None:
    """Do it and note it. What it returns or raises is left as it is; a note that cannot be written is said."""
    began = time.monotonic()
    problem = ""
    code: int = ExitCode.DONE
    try:
        code = act() or ExitCode.DONE
        return ExitCode(code)
    except BaseException as error:
        code, problem = _end(error)
        raise
    finally:
        if code not in NOTHING_HAPPENED:
            outcome = ExitCode(code).name.lower().replace("_", " ")
            _note(session, command, outcome=outcome, problem=problem, seconds=time.monotonic() - began)


def _end(error: BaseException) -> tuple[int, str]:
    """The exit code that an exception means, and what it says."""
    if isinstance(error, StdoutClosedError):  # what was to be done is done; nobody reads what came of it
        return ExitCode.DONE, ""
    if isinstance(error, (KeyboardInterrupt, typer.Abort)):
        return ExitCode.INTERRUPTED, ""
    if isinstance(error, typer.Exit):
        return error.exit_code, ""
    if isinstance(error, typer.TyperException):
        return ExitCode.USAGE, ""
    return exit_code_for(error), error.message if isinstance(error, QctlError) else type(error).__name__


def _note(session: Session, command: str, **ended: Any) -> None:
    def write() -> None:
        try:
            session.ops.audit.note(command, session.line, via="cli", **ended)
        except QctlError as error:
            if not ended["problem"]:  # else there is one line to read already
                session.out.say(f"qctl: {ended['outcome']}, but not noted in the audit: {error.message}")

    if ended["outcome"] != "interrupted":
        write()
        return
    writer = threading.Thread(target=write, daemon=True)
    writer.start()
    writer.join(PATIENCE)
