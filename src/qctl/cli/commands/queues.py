"""Holding and emptying queues: `qctl pause`, `resume`, `clear`."""

from __future__ import annotations

from datetime import datetime, timezone
from functools import partial
from shlex import quote
from typing import Annotated

import typer

from qctl import durations, view
from qctl.cli import documents
from qctl.cli.command import command
from qctl.cli.confirm import ask_to_type_name
from qctl.cli.exits import ExitCode, exit_code_of_many
from qctl.cli.for_each import each
from qctl.cli.session import Session
from qctl.errors import NotFoundError
from qctl.models import ClearResult, PauseResult, ResumeResult
from qctl.view import Cell, quantity

Queues = Annotated[list[str], typer.Argument(metavar="QUEUE...", help="Queues by name.")]
Queue = Annotated[str, typer.Argument(metavar="QUEUE", help="One queue, by its full name.")]

SHOWN_JOBS = 5
"""Running jobs that `pause` names; of the others it tells how many."""

# --- pause and resume ---------------------------------------------------------------------------------------


@command(
    "pause",
    examples="qctl pause email --reason deploy\nqctl pause email report --for 30m\nqctl pause not-there-yet --create",
    changes=True,
)
def pause(
    session: Session,
    queues: Queues,
    reason: Annotated[str, typer.Option(metavar="TEXT", show_default=False, help="Why, for all who look at it.")] = "",
    duration: Annotated[
        str | None, typer.Option("--for", metavar="TIME", help="Resume by itself after: 90s, 30m, 1h30m, 2d.")
    ] = None,
    timeout: Annotated[
        str, typer.Option(metavar="TIME", help="Most to wait for jobs that are just being taken.")
    ] = "20s",
    force: Annotated[bool, typer.Option("--force", help="Pause although some workers do not obey a pause.")] = False,
    create: Annotated[bool, typer.Option("--create", help="Pause a queue that had no job yet, too.")] = False,
) -> ExitCode:
    """Hold queues: no job of theirs starts from now on. Running ones finish, new ones wait in order."""
    hold = partial(
        session.ops.queues.pause,
        reason=reason,
        seconds=None if duration is None else durations.parse(duration, "--for", shortest=1.0),
        force=force,
        timeout=durations.parse(timeout, "--timeout"),
        allow_unknown=create,
    )
    results, failures = each(session, queues, hold)
    for result in results:
        for name in result.deaf_workers:
            session.out.say(f"{result.pause.queue}: {name} does not obey a pause and goes on taking jobs")
    if any(isinstance(error, NotFoundError) for _, error in failures):
        session.out.say("To pause a queue before its first job, add --create.")
    session.out.report(documents.paused(results, failures), [line for result in results for line in _paused(result)])
    return exit_code_of_many([error for _, error in failures], len(results))


def _paused(result: PauseResult) -> list[Cell]:
    held, now = result.pause, datetime.now(timezone.utc)
    if result.changed:
        until = f" until {view.local_time(held.until, now)}" if held.until else ""
        waited = f"; it took {view.duration(result.waited)}" if result.waited >= 1 else ""
        lines = [Cell(f"{held.queue} is paused{until}{waited}", "good")]
    else:
        lines = [Cell(f"{held.queue} was already {view.pause_text(held, now)}")]
    if result.running:
        names = ", ".join(job.id for job in result.running[:SHOWN_JOBS])
        more = f" and {len(result.running) - SHOWN_JOBS} more" if len(result.running) > SHOWN_JOBS else ""
        lines.append(Cell(f"  {len(result.running)} started before and still run: {names}{more}", "warn"))
    return [*lines, Cell(f"  let it go on: qctl resume {quote(held.queue)}", "dim")]


@command("resume", examples="qctl resume email\nqctl resume email report", changes=True)
def resume(session: Session, queues: Queues) -> ExitCode:
    """Let paused queues go on."""
    results, failures = each(session, queues, session.ops.queues.resume)
    session.out.report(documents.resumed(results, failures), [_resumed(result) for result in results])
    return exit_code_of_many([error for _, error in failures], len(results))


def _resumed(result: ResumeResult) -> Cell:
    return Cell(f"{result.queue} goes on", "good") if result.changed else Cell(f"{result.queue} was not paused")


# --- clear --------------------------------------------------------------------------------------------------


@command(
    "clear",
    examples="qctl clear email\nqctl clear email --dry-run\nqctl clear email --confirm email",
    changes=True,
)
def clear(
    session: Session,
    queue: Queue,
    purge: Annotated[bool, typer.Option("--purge", help="Delete for good instead of moving to the trash.")] = False,
    confirm: Annotated[
        str | None, typer.Option(metavar="QUEUE", help="The queue's name again: no question then.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell how many jobs would go.")] = False,
) -> None:
    """Move all that waits in a queue to the trash. Asks for its name."""
    ops, out = session.ops, session.out
    ops.queues.require(queue)
    result = ClearResult(queue, ops.queues.waiting(queue), None, purge)
    if result.removed and not dry_run:
        end = "would be deleted for good, with no way back" if purge else "would go to the trash"
        ask_to_type_name(out, f"{quantity(result.removed, 'waiting job')} of {queue} {end}.", queue, confirm)
        with out.progress(f"clearing {queue}") as progress:
            result = ops.queues.clear(queue, purge=purge, progress=progress)
    out.report(documents.cleared(result, dry_run), _would_clear(result) if dry_run else _cleared(result))


def _would_clear(result: ClearResult) -> list[Cell]:
    end = "be deleted for good" if result.purged else "go to the trash"
    return [Cell(f"{result.queue}: {quantity(result.removed, 'waiting job')} would {end}")]


def _cleared(result: ClearResult) -> list[Cell]:
    if not result.removed:
        return [Cell(f"{result.queue}: nothing waits")]
    if not result.batch:
        return [Cell(f"{result.queue}: {quantity(result.removed, 'job')} deleted for good", "good")]
    return [
        Cell(f"{result.queue}: {quantity(result.removed, 'job')} moved to the trash", "good"),
        Cell(f"  bring them back: qctl trash restore {result.batch}", "dim"),
    ]
