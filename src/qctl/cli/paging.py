"""Paging: options and footers of long lists."""

from __future__ import annotations

from typing import Annotated

import typer

from qctl.cli.bulk_actions import scan_warning
from qctl.cli.output import Output
from qctl.models import Scan
from qctl.view import Cell

Limit = Annotated[int, typer.Option("--limit", min=1, max=10_000, metavar="N", help="Maximum number of rows.")]
Offset = Annotated[
    int, typer.Option("--offset", min=0, metavar="N", help="Number of rows to skip.", show_default=False)
]


def page_footer(offset: int, shown: int, total: int, hint: str) -> list[Cell]:
    """Format the lines under one page of a list: the range of rows if there are more, and the next commands."""
    end = offset + shown
    more = [Cell(f"{offset + 1} to {end} of {total}; more with --offset {end}")] if end < total else []
    return [Cell(""), *more, Cell(hint, "dim")]


def warn_of_scan_limit(out: Output, scanned: int | None, total: int | None) -> None:
    """Print a warning if a list did not search all jobs."""
    if scanned is not None and total is not None and scanned < total:
        out.say(scan_warning(Scan(scanned, total)))
