"""What is done to one queue and all its jobs: `qctl queue show`, `move`, `drain`, `delete`."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone
from enum import Enum
from functools import partial
from shlex import quote
from typing import Annotated

import typer

from qctl import durations, view
from qctl.cli import documents, rates, redaction
from qctl.cli.bulk import DryRun, Rate, Telling, Yes, carry_out, quoted, require_target
from qctl.cli.command import command
from qctl.cli.commands import stats
from qctl.cli.commands.queues import Queue
from qctl.cli.confirm import ask_to_type_name
from qctl.cli.exits import ExitCode
from qctl.cli.job_selectors import Choice
from qctl.cli.session import Session
from qctl.cli.text_sections import section
from qctl.models import MOVABLE_STATES, BulkResult, QueueDetail, Selection, Selector
from qctl.view import Cell, quantity

NO_HISTORY = "Nothing of that is in the history. The scheduler writes it from the events: does it run?"


class Step(str, Enum):
    """What --by takes."""

    HOUR = "hour"
    DAY = "day"


everything = replace(stats.stats, name="list", examples="qctl queue list\nqctl queue list 'email*' --lanes")
"""The table of queues is `qctl stats`, whichever way somebody looks for it."""


@command("show", examples="qctl queue show email\nqctl queue show email --json")
def show(session: Session, queue: Queue) -> None:
    """Show one queue: its lanes, who takes from it, what waits in it by name, and why its jobs died."""
    detail = session.ops.queues.show(queue)
    detail = replace(detail, causes=[redaction.cause(each) for each in detail.causes])
    session.out.report(documents.queue(detail), _details(detail))


def _details(detail: QueueDetail) -> list[Cell]:
    now = datetime.now(timezone.utc)
    lines: list[Cell] = []
    for lane in detail.lanes:
        counts = f"{lane.waiting} waiting, {lane.running} running, {lane.scheduled} scheduled, {lane.dead} dead"
        lines.append(view.detail_line(lane.name, f"{counts}, oldest {view.duration(lane.oldest_age)}"))
        state = view.queue_state(lane, now)
        lines += [view.detail_line("", state.text, state.style)] if state.text else []
    names = ", ".join(f"{worker.name} ({worker.state})" for worker in detail.workers)
    lines += section("workers", names or "none")
    if detail.names:
        lines += section("what waits, estimated from a sample")
        lines += [Cell(f"  {count:>7}  {name}") for name, count in detail.names.items()]
    if detail.causes:
        lines += section("why its jobs died")
        lines += [view.cause_line(cause) for cause in detail.causes]
    return lines


@command("history", examples="qctl queue history email\nqctl queue history email --since 30d --by day --json")
def history(
    session: Session,
    queue: Queue,
    since: Annotated[str, typer.Option("--since", metavar="TIME", help="Of the last: 24h, 30d.")] = "24h",
    by: Annotated[Step, typer.Option("--by", help="A row for each.")] = Step.HOUR,
) -> None:
    """Show what happened in a queue and its lanes, as the history keeps it long after Redis forgot."""
    seconds = durations.parse(since, "--since", shortest=60.0)
    found = session.ops.queues.history(queue, seconds=seconds, span=by.value)
    table = view.Table(view.history_columns(datetime.now(timezone.utc)), found, NO_HISTORY)
    session.out.listing(documents.history(queue, found), table)


@command(
    "move",
    examples="qctl queue move email email.low\nqctl queue move email email.low --limit 1000 --rate 500/s\n"
    "qctl queue move email.low email --back",
    changes=True,
)
def move(
    session: Session,
    queue: Queue,
    to: Annotated[str, typer.Argument(metavar="TARGET", show_default=False, help="The queue they go to.")],
    back: Annotated[
        bool, typer.Option("--back", help="Only jobs that came from there, of any state: undo a move.")
    ] = False,
    limit: Annotated[int | None, typer.Option(min=1, metavar="N", help="The first N of them.")] = None,
    create: Annotated[bool, typer.Option("--create", help="Move to a queue that had no job yet, too.")] = False,
    rate: Rate = None,
    dry_run: DryRun = False,
    yes: Yes = False,
) -> ExitCode:
    """Move what waits in a queue to the end of another, in its order."""
    session.ops.queues.require(queue)
    if not create:
        require_target(session, to)
    selector = Selector(queue=queue, limit=limit)
    if back:
        selector = replace(selector, moved_from=to, states=MOVABLE_STATES)
    undo = [quoted(["qctl", "queue", "move", to, queue, *([] if back else ["--back"])])]

    def undoing(_result: BulkResult, _chosen: Selection) -> list[str]:
        return undo

    telling = Telling("move", "queue.move", "Move", "moving", f"moved to {to}", undo=undoing)
    do = partial(session.ops.jobs.move, target=to, rate=rates.parse(rate, "--rate"))
    return carry_out(session, telling, Choice(selector, named=False), do, dry_run=dry_run, yes=yes)


@command(
    "drain",
    examples="qctl queue drain email\nqctl queue drain report --timeout 10m\nqctl queue drain email --until-empty",
    changes=True,
)
def drain(
    session: Session,
    queue: Queue,
    timeout: Annotated[str, typer.Option(metavar="TIME", help="Most to wait: 90s, 30m.")] = "60s",
    until_empty: Annotated[
        bool, typer.Option("--until-empty", help="Pause nothing, and wait until nothing waits or runs any more.")
    ] = False,
) -> None:
    """Hold a queue and wait until what runs has ended. Exits 7, naming what still runs, where that takes longer."""
    seconds = durations.parse(timeout, "--timeout")
    with session.out.progress(f"draining {queue}") as progress:
        result = session.ops.queues.drain(queue, timeout=seconds, empty=until_empty, progress=progress)
    text = f"{queue} is {'empty' if until_empty else 'paused, and nothing of it runs'}"
    lines = [Cell(f"{text}; it took {view.duration(result.seconds)}", "good")]
    if result.pause:
        lines.append(Cell(f"  let it go on: qctl resume {quote(queue)}", "dim"))
    session.out.report(documents.drained(result), lines)


@command("delete", examples="qctl queue delete old-mail\nqctl queue delete old-mail --confirm old-mail", changes=True)
def delete(
    session: Session,
    queue: Queue,
    force: Annotated[bool, typer.Option("--force", help="Delete although workers take from it.")] = False,
    confirm: Annotated[
        str | None, typer.Option(metavar="QUEUE", help="The queue's name again: no question then.")
    ] = None,
) -> None:
    """Move every job of a queue to the trash, and forget the queue. Asks for its name."""
    session.ops.queues.require(queue)
    chosen = session.ops.jobs.choose("delete", Selector(queue=queue))
    what = f"{queue} would be deleted, and {quantity(chosen.count, 'job')} of every state would go to the trash."
    ask_to_type_name(session.out, what, queue, confirm)
    with session.out.progress(f"deleting {queue}") as progress:
        result = session.ops.queues.delete(queue, force=force, progress=progress)
    lines = [Cell(f"{queue} is deleted, {quantity(result.removed, 'job')} moved to the trash", "good")]
    if result.listed:
        lines.append(Cell("  it is one of the catalog: it stays listed"))
    if result.batch:
        lines.append(Cell(f"  undo: qctl trash restore {result.batch}", "dim"))
    session.out.report(documents.deleted(result), lines)
