"""Main function of qctl: runs a command line and turns each error into one line and an exit code."""

from __future__ import annotations

import shlex
import sys
import traceback
from collections.abc import Sequence

import typer

from qctl.cli.command_tree import build
from qctl.cli.exit_codes import MALFORMED_CHECK, ExitCode, exit_code_for
from qctl.cli.output import StdoutClosedError
from qctl.cli.session import Session
from qctl.errors import QctlError


def run(arguments: Sequence[str], session: Session) -> int:
    """Run one command line. Prints an error on one line and returns the exit code."""
    out = session.out
    session.line = shlex.join(("qctl", *arguments))
    try:
        program = typer.main.get_command(build(_words(arguments)))
        code = program.main(list(arguments), prog_name="qctl", standalone_mode=False, obj=session)
    except StdoutClosedError:
        return ExitCode.STDOUT_CLOSED
    except (KeyboardInterrupt, typer.Abort):
        code = ExitCode.INTERRUPTED
    except typer.TyperException as error:
        out.complain(error.format_message(), _help_hint(error))
        return MALFORMED_CHECK if _is_check(error, arguments) else ExitCode.USAGE
    except QctlError as error:
        _show_traceback(session)
        out.complain_of(error)
        return exit_code_for(error)
    except Exception as error:  # noqa: BLE001 - a bug in qctl: one line, and how to see its traceback
        _show_traceback(session)
        out.complain(f"internal error: {type(error).__name__}: {error}", "show the traceback with --debug")
        return ExitCode.FAILED
    if code == ExitCode.INTERRUPTED:
        out.complain("interrupted")
    return int(code or ExitCode.DONE)


def main() -> int:
    """Run the command line of this process and return its exit code."""
    return run(sys.argv[1:], Session())


def _help_hint(error: typer.TyperException) -> str | None:
    context = getattr(error, "ctx", None)
    return f"see `{context.command_path} --help`" if context else None


def _is_check(error: typer.TyperException, arguments: Sequence[str]) -> bool:
    """Return True if the malformed command line is one of `qctl check`. Not every error has a context."""
    context = getattr(error, "ctx", None)
    path = context.command_path if context else "qctl"
    return path == "qctl check" or (path == "qctl" and _words(arguments)[:1] == ["check"])


def _words(arguments: Sequence[str]) -> list[str]:
    """Return the words that may name a command."""
    return [word for word in arguments if not word.startswith("-")]


def _show_traceback(session: Session) -> None:
    if session.options.debug:
        session.out.show_traceback(traceback.format_exc())
