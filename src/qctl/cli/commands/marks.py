"""`qctl mark add|list|delete`: moments such as deployments, which plots and causes show."""

from __future__ import annotations

from datetime import datetime, timezone
from shlex import quote
from typing import Annotated

import typer

from qctl import view
from qctl.cli import documents, moments
from qctl.cli.command import command
from qctl.cli.session import Session
from qctl.quantities import quantity
from qctl.safe import escape_line
from qctl.view import Cell

Text = Annotated[str, typer.Argument(metavar="TEXT", show_default=False, help="Text of the mark, as v1.4.")]


@command("add", examples="qctl mark add v1.4\nqctl mark add 'new mail server' --at 20m", changes=True)
def add(
    session: Session,
    text: Text,
    at: Annotated[
        str | None, typer.Option(metavar="TIME", help="Time: 20m ago as 20m, or 2026-11-22T14:05. Default: now.")
    ] = None,
) -> None:
    """Mark a moment, such as a deployment.

    Plots show it, and causes of dead letters that began after it.
    """
    mark = session.ops.marks.add(text, moments.parse(at, "--at"))
    now = datetime.now(timezone.utc)
    lines = [
        Cell(f"{escape_line(mark.text)} marked at {view.local_time(mark.at, now)}", "good"),
        Cell(f"  undo: qctl mark delete {quote(escape_line(mark.text))}", "dim"),
    ]
    session.out.report(documents.mark_add(mark), lines)


@command("list", examples="qctl mark list\nqctl mark list --json")
def list_marks(session: Session) -> None:
    """List marks, oldest first."""
    marks = session.ops.marks.list()
    table = view.Table(
        view.mark_columns(datetime.now(timezone.utc)), marks, "No marks. Set one with: qctl mark add v1.4"
    )
    session.out.listing(documents.mark_list(marks), table)


@command("delete", examples="qctl mark delete v1.4", changes=True)
def delete(session: Session, text: Text) -> None:
    """Delete the marks with this text."""
    deleted = session.ops.marks.delete(text)
    session.out.report(documents.mark_delete(text, deleted), [Cell(f"{quantity(deleted, 'mark')} deleted", "good")])
