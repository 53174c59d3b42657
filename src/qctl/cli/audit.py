"""Audit of commands: each command that changes something is recorded with its outcome."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextvars import copy_context
from typing import Any

import typer

from qctl.cli.exit_codes import ExitCode, exit_code_for
from qctl.cli.output import StdoutClosedError
from qctl.cli.session import Session
from qctl.errors import NotReplicatedError, QctlError

UNRECORDED_CODES = (ExitCode.USAGE, ExitCode.UNREACHABLE)
"""Exit codes of commands that sent nothing to Redis, or cannot reach it to record anything."""

INTERRUPT_TIMEOUT_SECONDS = 1.0
"""Maximum time to record an interrupted command: Redis may be the reason for the Ctrl-C."""


def run_audited(session: Session, command: str, action: Callable[[], ExitCode | None]) -> ExitCode | None:
    """Run an action and record its outcome. Results and exceptions pass through; a failed record is reported."""
    started = time.monotonic()
    problem = ""
    code: int = ExitCode.DONE
    with session.ops.audit.recording(command, session.line, via="cli"):
        try:
            code = action() or ExitCode.DONE
            return ExitCode(code)
        except BaseException as error:
            code, problem = _outcome(error)
            raise
        finally:
            if code not in UNRECORDED_CODES:
                outcome = ExitCode(code).name.lower().replace("_", " ")
                _record(session, command, outcome=outcome, problem=problem, seconds=time.monotonic() - started)


def _outcome(error: BaseException) -> tuple[int, str]:
    """Return the exit code and the message of an exception."""
    if isinstance(error, StdoutClosedError):  # the change is complete; only its report has no reader
        return ExitCode.DONE, ""
    if isinstance(error, (KeyboardInterrupt, typer.Abort)):
        return ExitCode.INTERRUPTED, ""
    if isinstance(error, typer.Exit):
        return error.exit_code, ""
    if isinstance(error, typer.TyperException):
        return ExitCode.USAGE, ""
    return exit_code_for(error), error.message if isinstance(error, QctlError) else type(error).__name__


def _record(session: Session, command: str, **outcome: Any) -> None:
    def write() -> None:
        try:
            session.ops.audit.note(command, session.line, via="cli", **outcome)
        except NotReplicatedError:
            if outcome["outcome"] in ("done", "partial"):  # otherwise the command has printed its own error
                raise
        except QctlError as error:
            if not outcome["problem"]:  # otherwise the command prints its own error
                session.out.say(f"qctl: {outcome['outcome']}, but not recorded in the audit: {error.message}")

    if outcome["outcome"] != "interrupted":
        write()
        return
    writer = threading.Thread(target=copy_context().run, args=(write,), daemon=True)
    writer.start()
    writer.join(INTERRUPT_TIMEOUT_SECONDS)
