"""`qctl job cancel|delete|move` and `qctl dlq discard`: bulk actions on jobs. `retry` has its own module."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Annotated, Literal

import typer

from qctl import rates
from qctl.cli.bulk_actions import (
    BulkAction,
    DependentsOption,
    DependentsWord,
    DryRun,
    Rate,
    Yes,
    dependents_choice,
    dependents_sentence,
    join_queues,
    require_target_queue,
    run_bulk_action,
    shell_line,
    trash_undo,
)
from qctl.cli.command import command
from qctl.cli.exit_codes import ExitCode
from qctl.cli.job_selection import SelectedJobs, with_selection
from qctl.cli.prompts import confirm_name
from qctl.cli.session import Session
from qctl.errors import UsageError
from qctl.models import BulkResult, Selection
from qctl.view import quantity

MAX_UNDO_IDS = 5
"""Jobs that an undo command line names by id. For more it names their queues."""

Purge = Annotated[bool, typer.Option("--purge", help="Delete for good instead of moving to the trash.")]
Confirm = Annotated[
    str | None, typer.Option(metavar="WORD", help="The word that --purge asks for, to skip the question.")
]


def _undo_ids(result: BulkResult) -> list[str]:
    """Return the ids of the changed jobs if they are few."""
    return [outcome.id for outcome in result.outcomes if outcome.done] if result.done <= MAX_UNDO_IDS else []


def _retry_undo(result: BulkResult, _selection: Selection) -> list[str]:
    ids = _undo_ids(result)
    if ids:
        return [shell_line(["qctl", "retry", *ids])]
    return [shell_line(["qctl", "retry", "--state", "canceled", "--queue", queue]) for queue in result.queues]


CANCEL = BulkAction("cancel", "job.cancel", "Cancel", "canceling", "canceled", undo=_retry_undo)
DELETE = BulkAction("delete", "job.delete", "Delete", "deleting", "moved to the trash", undo=trash_undo)
DISCARD = BulkAction(
    "discard", "dlq.discard", "Discard", "discarding", "moved to the trash", "dead letter", undo=trash_undo
)


@command(
    "cancel",
    examples="qctl job cancel 6f1c0a52-93f1-4d0e-a0f5-0d3d8b7f4c11\nqctl job cancel --queue email --job send-news",
    changes=True,
)
@with_selection
def cancel(
    session: Session,
    jobs: SelectedJobs,
    dependents: DependentsOption = None,
    rate: Rate = None,
    dry_run: DryRun = False,
    yes: Yes = False,
) -> ExitCode:
    """Cancel waiting, scheduled and deferred jobs.

    They will not run. Stop a running job with `qctl job stop`.
    """
    run = partial(session.ops.jobs.cancel, dependents=dependents_choice(dependents), rate=rates.parse(rate, "--rate"))
    return run_bulk_action(session, CANCEL, jobs, run, dry_run=dry_run, yes=yes)


@command(
    "delete",
    examples="qctl job delete 6f1c0a52-93f1-4d0e-a0f5-0d3d8b7f4c11\nqctl job delete --state finished --older-than 7d",
    changes=True,
)
@with_selection
def delete(
    session: Session,
    jobs: SelectedJobs,
    purge: Purge = False,
    confirm: Confirm = None,
    dependents: DependentsOption = None,
    rate: Rate = None,
    dry_run: DryRun = False,
    yes: Yes = False,
) -> ExitCode:
    """Move jobs of any state except running to the trash."""
    return _delete(session, DELETE, jobs, rate, dependents, dry_run=dry_run, yes=yes, purge=purge, confirmation=confirm)


@command(
    "discard",
    examples="qctl dlq discard 6f1c0a52-93f1-4d0e-a0f5-0d3d8b7f4c11\n"
    "qctl dlq discard --fingerprint 0d9c5c1fb0a7 --dry-run\nqctl dlq discard --queue email --older-than 30d",
    changes=True,
)
@with_selection
def discard(
    session: Session,
    jobs: SelectedJobs,
    purge: Purge = False,
    confirm: Confirm = None,
    dependents: DependentsOption = None,
    rate: Rate = None,
    dry_run: DryRun = False,
    yes: Yes = False,
) -> ExitCode:
    """Move dead letters to the trash."""
    return _delete(
        session, DISCARD, jobs, rate, dependents, dry_run=dry_run, yes=yes, purge=purge, confirmation=confirm
    )


def _delete(
    session: Session,
    action: BulkAction,
    jobs: SelectedJobs,
    rate: str | None,
    dependents: DependentsWord | None,
    *,
    dry_run: bool,
    yes: bool,
    purge: bool,
    confirmation: str | None,
) -> ExitCode:
    verb: Literal["delete", "discard"] = "discard" if action.verb == "discard" else "delete"
    if confirmation is not None and not purge:
        raise UsageError("--confirm needs --purge", "to move jobs to the trash, --yes is enough")

    def require_name(selection: Selection) -> None:
        count = quantity(selection.count, action.noun)
        others = dependents_sentence(selection.dependents)
        warning = f"Permanently delete {count} of {join_queues(selection.queues)}. {others}This cannot be undone."
        confirm_name(session.out, warning, verb, confirmation)

    run = partial(
        session.ops.jobs.delete,
        verb=verb,
        purge=purge,
        dependents=dependents_choice(dependents),
        rate=rates.parse(rate, "--rate"),
    )
    if not purge:
        return run_bulk_action(session, action, jobs, run, dry_run=dry_run, yes=yes)
    purging = replace(action, participle="permanently deleted")
    return run_bulk_action(session, purging, jobs, run, dry_run=dry_run, yes=yes, require_name=require_name)


RELEASE = BulkAction("release", "job.release", "Enqueue", "releasing", "enqueued")


@command(
    "release",
    examples="qctl job release 6f1c0a52-93f1-4d0e-a0f5-0d3d8b7f4c11\nqctl job release --queue email --older-than 1d",
    changes=True,
)
@with_selection
def release(
    session: Session, jobs: SelectedJobs, rate: Rate = None, dry_run: DryRun = False, yes: Yes = False
) -> ExitCode:
    """Enqueue deferred jobs without waiting for their dependencies.

    `qctl flow show ID` shows what a job waits for.
    """
    run = partial(session.ops.jobs.release, rate=rates.parse(rate, "--rate"))
    return run_bulk_action(session, RELEASE, jobs, run, dry_run=dry_run, yes=yes)


@command(
    "move",
    examples="qctl job move --queue email --job send-newsletter --to email.low\n"
    "qctl job move 6f1c0a52-93f1-4d0e-a0f5-0d3d8b7f4c11 --to email.high",
    changes=True,
)
@with_selection
def move(
    session: Session,
    jobs: SelectedJobs,
    to: Annotated[str, typer.Option("--to", metavar="QUEUE", help="Target queue.")],
    create: Annotated[bool, typer.Option("--create", help="Accept a target queue that has never had a job.")] = False,
    rate: Rate = None,
    dry_run: DryRun = False,
    yes: Yes = False,
) -> ExitCode:
    """Move jobs to another queue, keeping their state.

    Without --state, moves waiting jobs to the end of the queue.
    """
    if not create:
        require_target_queue(session, to)

    def undo(result: BulkResult, selection: Selection) -> list[str]:
        queues = [queue for queue in selection.queues if queue != to]
        ids = _undo_ids(result)
        if ids and len(queues) == 1:
            return [shell_line(["qctl", "job", "move", *ids, "--to", queues[0]])]
        return [shell_line(["qctl", "queue", "move", to, queue, "--back"]) for queue in queues]

    action = BulkAction("move", "job.move", "Move", "moving", f"moved to {to}", undo=undo)
    run = partial(session.ops.jobs.move, target=to, rate=rates.parse(rate, "--rate"))
    return run_bulk_action(session, action, jobs, run, dry_run=dry_run, yes=yes)
