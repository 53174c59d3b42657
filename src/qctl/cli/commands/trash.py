"""`qctl trash list|restore|empty`."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Annotated

import typer

from qctl import view
from qctl.cli import documents
from qctl.cli.command import command
from qctl.cli.confirm import ask_to_type_name
from qctl.cli.session import Session
from qctl.errors import NotFoundError
from qctl.view import Cell, quantity

ALL = "trash"
"""What is typed to empty all of it."""

Batch = Annotated[str | None, typer.Argument(metavar="[BATCH]", show_default=False, help="Its id.")]


@command("list", examples="qctl trash list\nqctl trash list --json")
def batches(session: Session) -> None:
    """List what was cleared and can still come back, newest first."""
    found = session.ops.trash.list()
    hint = [Cell(""), Cell("bring one back: qctl trash restore BATCH", "dim")]
    table = view.Table(view.trash_columns(datetime.now(timezone.utc)), found, "The trash is empty.", hint)
    session.out.listing(documents.trash(found), table)


@command("restore", examples="qctl trash restore\nqctl trash restore 20261122-044512-x7f2", changes=True)
def restore(session: Session, batch: Batch = None) -> None:
    """Put a batch back to the head of its queue, in the order it had. Default: the newest."""
    with session.out.progress("restoring") as progress:
        result = session.ops.trash.restore(batch, progress=progress)
    line = f"{result.queue}: {quantity(result.restored, 'job')} back from trash batch {result.batch}"
    session.out.report(documents.restored(result), [Cell(line, "good")])


@command(
    "empty",
    examples="qctl trash empty\nqctl trash empty --confirm trash",
    changes=True,
)
def empty(
    session: Session,
    batch: Batch = None,
    confirm: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="The batch, or `trash` for all: no question then."),
    ] = None,
) -> None:
    """Delete a batch for good, or all of them. Asks for its name."""
    found = [each for each in session.ops.trash.list() if batch in (None, each.id)]
    if batch and not found:
        raise NotFoundError(f"no trash batch {batch}", hint="`qctl trash list` lists them")
    if not found:
        session.out.report(documents.emptied([], 0), [Cell("The trash is empty.")])
        return
    what = f"trash batch {batch}" if batch else "the whole trash"
    warning = (
        f"{quantity(sum(each.count for each in found), 'job')} of {what} would be deleted for good, with no way back."
    )
    ask_to_type_name(session.out, warning, batch or ALL, confirm)
    with session.out.progress("emptying the trash") as progress:
        removed = session.ops.trash.empty(batch, progress=progress)
    session.out.report(
        documents.emptied(found, removed), [Cell(f"{quantity(removed, 'job')} deleted for good", "good")]
    )
