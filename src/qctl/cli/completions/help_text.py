"""Writes the page of `qctl --help` from the command tree."""

from __future__ import annotations

import os

import typer

from qctl.cli import help_page
from qctl.cli.tree import build


def render() -> str:
    """The help page as the command tree states it."""
    program = typer.main.get_command(build([]))
    return program.get_help(program.make_context("qctl", [], resilient_parsing=True)) + "\n"


if __name__ == "__main__":
    os.environ["COLUMNS"] = str(help_page.COLUMNS)
    with open(help_page.PAGE, "w", encoding="utf-8") as file:
        file.write(render())
