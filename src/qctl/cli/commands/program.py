"""`qctl help|version`: what the options --help and --version show, as words."""

from __future__ import annotations

from typing import Annotated

import typer

from qctl import __version__
from qctl.cli import command_tree, documents
from qctl.cli.command import command
from qctl.cli.exit_codes import ExitCode
from qctl.cli.session import Session
from qctl.view import Cell


@command("help", examples="qctl help\nqctl help pause\nqctl help queue drain", local=True)
def help_(
    session: Session,
    words: Annotated[
        list[str] | None, typer.Argument(metavar="[COMMAND]...", show_default=False, help="Words of a command.")
    ] = None,
) -> ExitCode:
    """Show the help of qctl or of a command."""
    path = words or []
    program = typer.main.get_command(command_tree.build(path))
    code = program.main([*path, "--help"], prog_name="qctl", standalone_mode=False, obj=session)
    return ExitCode(code or ExitCode.DONE)


@command("version", examples="qctl version\nqctl version --json", local=True)
def version(session: Session) -> None:
    """Show the version of qctl."""
    session.out.report(documents.version(__version__), [Cell(f"qctl {__version__}")])
