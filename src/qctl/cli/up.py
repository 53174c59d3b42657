"""`qctl up`: everything on this machine, in the foreground."""

from __future__ import annotations

import typer

from qctl.settings import Settings
from qctl.stack.run import run_stack


def up(settings: Settings) -> None:
    """Run the stack until a signal comes, and leave with its exit code."""
    raise typer.Exit(run_stack(settings))
