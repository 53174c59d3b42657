"""`qctl trash list|restore|empty`."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Annotated

import typer

from qctl import view
from qctl.cli import documents, prompts
from qctl.cli.bulk_actions import Yes
from qctl.cli.command import command
from qctl.cli.session import Session
from qctl.errors import NotFoundError
from qctl.models import TrashChoice
from qctl.view import Cell, quantity

EMPTY = "The trash is empty."

ALL_BATCHES = "trash"
"""Name to type to empty the whole trash."""

Batch = Annotated[
    str | None, typer.Argument(metavar="[BATCH]", show_default=False, help="Id of a batch, as shown by list.")
]


@command("list", examples="qctl trash list\nqctl trash list --json")
def list_batches(session: Session) -> None:
    """List trash batches that can be restored, newest first."""
    batches = session.ops.trash.list()
    hint = [Cell(""), Cell("restore with: qctl trash restore BATCH", "dim")]
    table = view.Table(view.trash_columns(datetime.now(timezone.utc)), batches, EMPTY, hint)
    session.out.listing(documents.trash_list(batches), table)


@command("restore", examples="qctl trash restore\nqctl trash restore 20261122-044512-x7f2", changes=True)
def restore(session: Session, batch: Batch = None, yes: Yes = False) -> None:
    """Restore a batch, by default the last that you made.

    Its jobs return to the head of their queue in their order. Without BATCH, lists what it would restore, and asks.
    """
    choice = session.ops.trash.choose(batch)
    if batch is None and not yes:
        _ask(session, choice)
    with session.out.progress("restoring") as progress:
        result = session.ops.trash.restore(choice, progress=progress)
    source = f"trash batch {result.batch}"
    if result.earlier:
        source += f" and {quantity(len(result.earlier), 'batch')} of the same action, which was interrupted before"
    line = f"{result.queue}: {quantity(result.restored, 'job')} restored from {source}"
    session.out.report(documents.trash_restore(result), [Cell(line, "good")])


def _ask(session: Session, choice: TrashChoice) -> None:
    """List the chosen batches, and ask whether to restore them."""
    now = datetime.now(timezone.utc)
    batches = [*choice.batches, *choice.earlier]
    for each in batches:
        session.out.say(
            f"{each.id}  {quantity(each.count, 'job')} of {each.queue}, "
            f"removed by {each.verb} of {each.by}, {view.ago(each.at, now)}"
        )
    prompts.confirm(session.out, f"Restore {quantity(sum(each.count for each in batches), 'job')}?")


@command("empty", examples="qctl trash empty\nqctl trash empty --confirm trash", changes=True)
def empty(
    session: Session,
    batch: Batch = None,
    confirm: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Id of the batch, or `trash` for all, to skip the question."),
    ] = None,
    yes: Yes = False,
) -> None:
    """Permanently delete a batch, or all batches.

    Asks for the id of the batch, or for `trash`.
    """
    batches = [each for each in session.ops.trash.list() if batch in (None, each.id)]
    if batch and not batches:
        raise NotFoundError(f"trash batch {batch!r} not found", hint="list batches with `qctl trash list`")
    if not batches:
        session.out.report(documents.trash_empty([], 0), [Cell(EMPTY)])
        return
    target = f"trash batch {batch}" if batch else "the whole trash"
    count = quantity(sum(each.count for each in batches), "job")
    warning = f"Permanently delete {count} of {target}. This cannot be undone."
    prompts.confirm_name(session.out, warning, batch or ALL_BATCHES, confirm, yes=yes)
    with session.out.progress("emptying the trash") as progress:
        removed = session.ops.trash.empty(batch, progress=progress)
    line = Cell(f"{quantity(removed, 'job')} permanently deleted", "good")
    session.out.report(documents.trash_empty(batches, removed), [line])
