"""`qctl queue list|ls|show|history|move|drain|delete`: one queue and all its jobs. `queue_control` has the others."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone
from enum import Enum
from functools import partial
from shlex import quote
from typing import Annotated

import typer

from qctl import durations, rates, view
from qctl.cli import documents, redaction
from qctl.cli.bulk_actions import BulkAction, DryRun, Rate, Yes, require_target_queue, run_bulk_action, shell_line
from qctl.cli.command import command
from qctl.cli.commands import stats
from qctl.cli.commands.queue_control import Queue
from qctl.cli.exit_codes import ExitCode
from qctl.cli.job_selection import SelectedJobs
from qctl.cli.prompts import confirm_name
from qctl.cli.session import Session
from qctl.models import MOVABLE_STATES, BulkResult, Selection, Selector
from qctl.view import Cell, quantity

NO_HISTORY = "No history in this period. The scheduler writes it: is qctl-scheduler running?"


class Step(str, Enum):
    """Lengths of a row of the history."""

    HOUR = "hour"
    DAY = "day"


list_queues = replace(stats.stats, name="list", examples="qctl queue list\nqctl queue list 'email*' --lanes")
"""Alias of `qctl stats`."""

list_queues_as_ls = replace(list_queues, name="ls", examples="qctl queue ls\nqctl queue ls 'email*'")
"""The same, by the word of shells."""


@command("show", examples="qctl queue show email\nqctl queue show email --json")
def show(session: Session, queue: Queue) -> None:
    """Show one queue: lanes, workers, waiting jobs, causes."""
    detail = session.ops.queues.show(queue)
    detail = replace(detail, causes=[redaction.cause(cause) for cause in detail.causes])
    session.out.report(documents.queue_show(detail), view.queue_details(detail, datetime.now(timezone.utc)))


@command("history", examples="qctl queue history email\nqctl queue history email --since 30d --by day --json")
def history(
    session: Session,
    queue: Queue,
    since: Annotated[str, typer.Option("--since", metavar="TIME", help="Period to show: 24h, 30d.")] = "24h",
    by: Annotated[Step, typer.Option("--by", help="Length of a row.")] = Step.HOUR,
) -> None:
    """Show the history of a queue with its lanes."""
    seconds = durations.parse(since, "--since", min_seconds=60.0)
    steps = session.ops.queues.history(queue, seconds=seconds, span=by.value)
    table = view.Table(view.history_columns(datetime.now(timezone.utc)), steps, NO_HISTORY)
    session.out.listing(documents.queue_history(queue, steps), table)


@command(
    "move",
    examples="qctl queue move email email.low\nqctl queue move email email.low --limit 1000 --rate 500/s\n"
    "qctl queue move email.low email --back",
    changes=True,
)
def move(
    session: Session,
    queue: Queue,
    to: Annotated[str, typer.Argument(metavar="TARGET", show_default=False, help="Target queue.")],
    back: Annotated[
        bool, typer.Option("--back", help="Only jobs that were moved from TARGET, of any state: undoes a move.")
    ] = False,
    limit: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Maximum number of jobs, from the head of the queue.")
    ] = None,
    create: Annotated[bool, typer.Option("--create", help="Accept a target queue that has never had a job.")] = False,
    rate: Rate = None,
    dry_run: DryRun = False,
    yes: Yes = False,
) -> ExitCode:
    """Move waiting jobs to the end of another queue, in order."""
    session.ops.queues.require(queue)
    if not create:
        require_target_queue(session, to)
    selector = Selector(queue=queue, limit=limit)
    if back:
        selector = replace(selector, moved_from=to, states=MOVABLE_STATES)

    def undo(_result: BulkResult, _selection: Selection) -> list[str]:
        return [shell_line(["qctl", "queue", "move", to, queue, *([] if back else ["--back"])])]

    action = BulkAction("move", "queue.move", "Move", "moving", f"moved to {to}", undo=undo)
    run = partial(session.ops.jobs.move, target=to, rate=rates.parse(rate, "--rate"))
    return run_bulk_action(session, action, SelectedJobs(selector, explicit=False), run, dry_run=dry_run, yes=yes)


@command(
    "drain",
    examples="qctl queue drain email\nqctl queue drain report --timeout 10m\nqctl queue drain email --until-empty",
    changes=True,
)
def drain(
    session: Session,
    queue: Queue,
    timeout: Annotated[str, typer.Option(metavar="TIME", help="Maximum time to wait: 90s, 30m.")] = "60s",
    until_empty: Annotated[
        bool, typer.Option("--until-empty", help="Do not pause; wait until no job waits or runs.")
    ] = False,
) -> None:
    """Pause a queue and wait until its running jobs have ended.

    Exits 7 and names the running jobs if the timeout passes first.
    """
    seconds = durations.parse(timeout, "--timeout")
    with session.out.progress(f"draining {queue}") as progress:
        result = session.ops.queues.drain(queue, timeout=seconds, empty=until_empty, progress=progress)
    state = "empty" if until_empty else "paused, and no job runs"
    lines = [Cell(f"{queue} is {state}; took {view.duration(result.seconds)}", "good")]
    if result.pause:
        lines.append(Cell(f"  resume with: qctl resume {quote(queue)}", "dim"))
    session.out.report(documents.queue_drain(result), lines)


@command("delete", examples="qctl queue delete old-mail\nqctl queue delete old-mail --confirm old-mail", changes=True)
def delete(
    session: Session,
    queue: Queue,
    force: Annotated[bool, typer.Option("--force", help="Delete even if workers listen on the queue.")] = False,
    confirm: Annotated[
        str | None, typer.Option(metavar="QUEUE", help="Name of the queue, to skip the question.")
    ] = None,
) -> None:
    """Delete a queue, and move all its jobs to the trash.

    Asks for its name.
    """
    session.ops.queues.require(queue)
    selection = session.ops.jobs.choose("delete", Selector(queue=queue))
    warning = f"Delete queue {queue} and move {quantity(selection.count, 'job')} of any state to the trash."
    confirm_name(session.out, warning, queue, confirm)
    with session.out.progress(f"deleting {queue}") as progress:
        result = session.ops.queues.delete(queue, force=force, progress=progress)
    lines = [Cell(f"{queue} deleted, {quantity(result.removed, 'job')} moved to the trash", "good")]
    if result.listed:
        lines.append(Cell("  it stays listed, because the catalog names it"))
    if result.batch:
        lines.append(Cell(f"  undo: qctl trash restore {result.batch}", "dim"))
    session.out.report(documents.queue_delete(result), lines)
