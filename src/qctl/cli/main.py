"""The program `qctl`: every command, and the one place where an error becomes a line and an exit code."""

from __future__ import annotations

import shlex
import sys
import traceback
from collections.abc import Sequence

import typer

from qctl.cli.exits import MALFORMED_CHECK, ExitCode, exit_code_for
from qctl.cli.output import StdoutClosedError
from qctl.cli.session import Session
from qctl.cli.tree import build
from qctl.errors import QctlError


def run(arguments: Sequence[str], session: Session) -> int:
    """Run one command line. Prints what went wrong, on one line, and returns the exit code."""
    out = session.out
    session.line = shlex.join(("qctl", *arguments))
    try:
        program = typer.main.get_command(build(_words(arguments)))
        code = program.main(list(arguments), prog_name="qctl", standalone_mode=False, obj=session)
    except StdoutClosedError:
        return ExitCode.CUT_OFF
    except (KeyboardInterrupt, typer.Abort):
        code = ExitCode.INTERRUPTED
    except typer.TyperException as error:
        out.complain(error.format_message(), _where_to_read(error))
        return MALFORMED_CHECK if _is_check(error, arguments) else ExitCode.USAGE
    except QctlError as error:
        _show_traceback(session)
        out.complain_of(error)
        return exit_code_for(error)
    except Exception as error:  # noqa: BLE001 - a fault of qctl itself: one line, and how to see the rest
        _show_traceback(session)
        out.complain(f"internal error: {type(error).__name__}: {error}", "see where with --debug")
        return ExitCode.FAILED
    if code == ExitCode.INTERRUPTED:
        out.complain("interrupted")
    return int(code or ExitCode.DONE)


def main() -> int:
    """Run the command line of this process and return its exit code."""
    return run(sys.argv[1:], Session())


def _where_to_read(error: typer.TyperException) -> str | None:
    context = getattr(error, "ctx", None)
    return f"see `{context.command_path} --help`" if context else None


def _is_check(error: typer.TyperException, arguments: Sequence[str]) -> bool:
    """Whether a command line is malformed that was to be `qctl check`. Not every error says where it happened."""
    context = getattr(error, "ctx", None)
    path = context.command_path if context else "qctl"
    return path == "qctl check" or (path == "qctl" and _words(arguments)[:1] == ["check"])


def _words(arguments: Sequence[str]) -> list[str]:
    """The words among which a command is named."""
    return [word for word in arguments if not word.startswith("-")]


def _show_traceback(session: Session) -> None:
    if session.options.debug:
        session.out.show_traceback(traceback.format_exc())
