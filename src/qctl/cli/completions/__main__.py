"""Generate completion scripts, manual pages and the page of `qctl --help`: `python -m qctl.cli.completions DIRECTORY`.

The manual pages go into `man` beside the directory.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import typer

from qctl.cli import help_page
from qctl.cli.command_tree import build
from qctl.cli.completions import man_pages, scripts


def render_help() -> str:
    """Render the page of `qctl --help` from the command tree."""
    program = typer.main.get_command(build([]))
    return program.get_help(program.make_context("qctl", [], resilient_parsing=True)) + "\n"


if __name__ == "__main__":
    os.environ["COLUMNS"] = str(help_page.COLUMNS)
    directory = Path(sys.argv[1])
    scripts.write(directory)
    man_pages.write(directory.absolute().parent / "man")
    Path(help_page.PAGE).write_text(render_help(), encoding="utf-8")
