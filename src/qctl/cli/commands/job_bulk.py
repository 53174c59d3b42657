"""What is done to jobs: `qctl job cancel`, `delete`, `move`, `qctl dlq discard`. Running again is in `retry.py`."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Annotated, Literal

import typer

from qctl.cli import rates
from qctl.cli.bulk import DryRun, Rate, Telling, Yes, carry_out, named, quoted, require_target, restoring
from qctl.cli.command import command
from qctl.cli.confirm import ask_to_type_name
from qctl.cli.exits import ExitCode
from qctl.cli.job_selectors import Choice, selecting
from qctl.cli.session import Session
from qctl.errors import UsageError
from qctl.models import BulkResult, Selection
from qctl.view import quantity

FEW = 5
"""Jobs that a line which takes an act back names one by one."""

Purge = Annotated[bool, typer.Option("--purge", help="Delete for good, not into the trash.")]
Confirm = Annotated[str | None, typer.Option(metavar="WORD", help="The word that --purge asks for: no question then.")]


def _ids(result: BulkResult) -> list[str]:
    """The ids that it was done to, where they are few."""
    return [outcome.id for outcome in result.outcomes if outcome.done] if result.done <= FEW else []


def _retrying(result: BulkResult, _chosen: Selection) -> list[str]:
    ids = _ids(result)
    if ids:
        return [quoted(["qctl", "retry", *ids])]
    return [quoted(["qctl", "retry", "--state", "canceled", "--queue", queue]) for queue in result.queues]


CANCELING = Telling("cancel", "job.cancel", "Cancel", "canceling", "canceled", undo=_retrying)
DELETING = Telling("delete", "job.delete", "Delete", "deleting", "moved to the trash", undo=restoring)
DISCARDING = Telling(
    "discard", "dlq.discard", "Discard", "discarding", "moved to the trash", "dead letter", undo=restoring
)


@command(
    "cancel",
    examples="qctl job cancel 6f1c0a52-93f1-4d0e-a0f5-0d3d8b7f4c11\nqctl job cancel --queue email --job send-news",
    changes=True,
)
@selecting
def cancel(session: Session, choice: Choice, rate: Rate = None, dry_run: DryRun = False, yes: Yes = False) -> ExitCode:
    """Cancel jobs that wait, are scheduled or deferred: they will not run. A running one is stopped by `job stop`."""
    do = partial(session.ops.jobs.cancel, rate=rates.parse(rate, "--rate"))
    return carry_out(session, CANCELING, choice, do, dry_run=dry_run, yes=yes)


@command(
    "delete",
    examples="qctl job delete 6f1c0a52-93f1-4d0e-a0f5-0d3d8b7f4c11\nqctl job delete --state finished --older-than 7d",
    changes=True,
)
@selecting
def delete(
    session: Session,
    choice: Choice,
    purge: Purge = False,
    confirm: Confirm = None,
    rate: Rate = None,
    dry_run: DryRun = False,
    yes: Yes = False,
) -> ExitCode:
    """Move jobs of any state, but running ones, to the trash."""
    return _remove(session, DELETING, choice, rate, dry_run=dry_run, yes=yes, purge=purge, confirm=confirm)


@command(
    "discard",
    examples="qctl dlq discard 6f1c0a52-93f1-4d0e-a0f5-0d3d8b7f4c11\n"
    "qctl dlq discard --fingerprint 0d9c5c1fb0a7 --dry-run\nqctl dlq discard --queue email --older-than 30d",
    changes=True,
)
@selecting
def discard(
    session: Session,
    choice: Choice,
    purge: Purge = False,
    confirm: Confirm = None,
    rate: Rate = None,
    dry_run: DryRun = False,
    yes: Yes = False,
) -> ExitCode:
    """Move dead letters to the trash: nobody has to look at them again."""
    return _remove(session, DISCARDING, choice, rate, dry_run=dry_run, yes=yes, purge=purge, confirm=confirm)


def _remove(
    session: Session,
    telling: Telling,
    choice: Choice,
    rate: str | None,
    *,
    dry_run: bool,
    yes: bool,
    purge: bool,
    confirm: str | None,
) -> ExitCode:
    verb: Literal["delete", "discard"] = "discard" if telling.act == "discard" else "delete"
    if confirm is not None and not purge:
        raise UsageError("--confirm goes with --purge", "what is in the trash can be restored: --yes is enough")

    def asking(chosen: Selection) -> None:
        what = f"{quantity(chosen.count, telling.thing)} of {named(chosen.queues)}"
        ask_to_type_name(session.out, f"{what} would be deleted for good, with no way back.", verb, confirm)

    do = partial(session.ops.jobs.delete, verb=verb, purge=purge, rate=rates.parse(rate, "--rate"))
    if not purge:
        return carry_out(session, telling, choice, do, dry_run=dry_run, yes=yes)
    told = replace(telling, done="deleted for good")
    return carry_out(session, told, choice, do, dry_run=dry_run, yes=yes, asking=asking)


@command(
    "move",
    examples="qctl job move --queue email --job send-newsletter --to email.low\n"
    "qctl job move 6f1c0a52-93f1-4d0e-a0f5-0d3d8b7f4c11 --to email.high",
    changes=True,
)
@selecting
def move(
    session: Session,
    choice: Choice,
    to: Annotated[str, typer.Option("--to", metavar="QUEUE", help="The queue they go to.")],
    create: Annotated[bool, typer.Option("--create", help="Move to a queue that had no job yet, too.")] = False,
    rate: Rate = None,
    dry_run: DryRun = False,
    yes: Yes = False,
) -> ExitCode:
    """Move jobs to another queue, into the state that they are in. By default those that wait, to its end."""
    if not create:
        require_target(session, to)

    def undo(result: BulkResult, chosen: Selection) -> list[str]:
        queues = [queue for queue in chosen.queues if queue != to]
        ids = _ids(result)
        if ids and len(queues) == 1:
            return [quoted(["qctl", "job", "move", *ids, "--to", queues[0]])]
        return [quoted(["qctl", "queue", "move", to, queue, "--back"]) for queue in queues]

    telling = Telling("move", "job.move", "Move", "moving", f"moved to {to}", undo=undo)
    do = partial(session.ops.jobs.move, target=to, rate=rates.parse(rate, "--rate"))
    return carry_out(session, telling, choice, do, dry_run=dry_run, yes=yes)
