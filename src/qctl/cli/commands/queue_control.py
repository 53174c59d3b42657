"""`qctl pause|resume|clear`: control of queues."""

from __future__ import annotations

from datetime import datetime, timezone
from functools import partial
from shlex import quote
from typing import Annotated

import typer

from qctl import durations, view
from qctl.cli import documents
from qctl.cli.bulk_actions import DependentsOption, Yes, dependents_choice, dependents_lines, dependents_sentence
from qctl.cli.command import command
from qctl.cli.exit_codes import ExitCode, exit_code_of_many
from qctl.cli.prompts import confirm_name
from qctl.cli.session import Session
from qctl.errors import NotFoundError
from qctl.models import ClearResult, PauseResult, ResumeResult
from qctl.view import Cell, quantity

Queues = Annotated[list[str], typer.Argument(metavar="QUEUE...", help="Names of queues.")]
Queue = Annotated[str, typer.Argument(metavar="QUEUE", help="Name of a queue.")]

MAX_LISTED_JOBS = 5
"""Running jobs that `pause` names; the rest are counted."""

# --- pause and resume ---------------------------------------------------------------------------------------


@command(
    "pause",
    examples="qctl pause email --reason deploy\nqctl pause email report --for 30m\nqctl pause not-there-yet --create",
    changes=True,
)
def pause(
    session: Session,
    queues: Queues,
    reason: Annotated[str, typer.Option(metavar="TEXT", show_default=False, help="Reason, shown to everyone.")] = "",
    duration: Annotated[
        str | None, typer.Option("--for", metavar="TIME", help="Time until it resumes by itself: 90s, 30m, 1h30m, 2d.")
    ] = None,
    timeout: Annotated[
        str, typer.Option(metavar="TIME", help="Maximum time to wait for jobs that are being claimed.")
    ] = "20s",
    force: Annotated[bool, typer.Option("--force", help="Pause even if some workers ignore a pause.")] = False,
    create: Annotated[bool, typer.Option("--create", help="Accept a queue that has never had a job.")] = False,
) -> ExitCode:
    """Pause queues: no new job starts.

    Running jobs finish and new jobs wait in order.
    """
    pause_queue = partial(
        session.ops.queues.pause,
        reason=reason,
        seconds=None if duration is None else durations.parse(duration, "--for", min_seconds=1.0),
        force=force,
        timeout=durations.parse(timeout, "--timeout"),
        allow_unknown=create,
    )
    results, failures = session.for_each(queues, pause_queue)
    for result in results:
        if result.deaf_workers:
            session.out.say(_partly_paused(result))
    if any(isinstance(error, NotFoundError) for _, error in failures):
        session.out.say("To pause a queue before its first job, add --create.")
    session.out.report(documents.pause(results, failures), [line for result in results for line in _paused(result)])
    return exit_code_of_many([error for _, error in failures], len(results))


def _partly_paused(result: PauseResult) -> str:
    obeying = result.listening - len(result.deaf_workers)
    names = ", ".join(result.deaf_workers)
    return f"{result.pause.queue}: paused for {obeying} of {quantity(result.listening, 'worker')}; these go on: {names}"


def _paused(result: PauseResult) -> list[Cell]:
    paused, now = result.pause, datetime.now(timezone.utc)
    if result.changed:
        until = f" until {view.local_time(paused.until, now)}" if paused.until else ""
        waited = f"; took {view.duration(result.waited)}" if result.waited >= 1 else ""
        lines = [Cell(f"{paused.queue} paused{until}{waited}", "good")]
    else:
        lines = [Cell(f"{paused.queue} was already {view.pause_text(paused, now)}")]
    if result.running:
        ids = ", ".join(job.id for job in result.running[:MAX_LISTED_JOBS])
        more = f" and {len(result.running) - MAX_LISTED_JOBS} more" if len(result.running) > MAX_LISTED_JOBS else ""
        lines.append(Cell(f"  still running: {quantity(len(result.running), 'job')}: {ids}{more}", "warn"))
    return [*lines, Cell(f"  resume with: qctl resume {quote(paused.queue)}", "dim")]


@command("resume", examples="qctl resume email\nqctl resume email report", changes=True)
def resume(session: Session, queues: Queues) -> ExitCode:
    """Resume paused queues."""
    results, failures = session.for_each(queues, session.ops.queues.resume)
    session.out.report(documents.resume(results, failures), [_resumed(result) for result in results])
    return exit_code_of_many([error for _, error in failures], len(results))


def _resumed(result: ResumeResult) -> Cell:
    return Cell(f"{result.queue} resumed", "good") if result.changed else Cell(f"{result.queue} was not paused")


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
        str | None, typer.Option(metavar="QUEUE", help="Name of the queue, to skip the question.")
    ] = None,
    dependents: DependentsOption = None,
    yes: Yes = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show how many jobs would be removed.")] = False,
) -> None:
    """Move all waiting jobs of a queue to the trash.

    Asks for its name.
    """
    ops, out = session.ops, session.out
    ops.queues.require(queue)
    others = ops.queues.dependents(queue)
    result = ClearResult(queue, ops.queues.waiting(queue), None, purge, others)
    if result.removed and not dry_run:
        jobs = f"{quantity(result.removed, 'waiting job')} of {queue}"
        sentence = dependents_sentence(others)
        end = f"Permanently delete {jobs}. {sentence}This cannot be undone."
        warning = end if purge else f"Move {jobs} to the trash. {sentence}".strip()
        confirm_name(out, warning, queue, confirm, yes=yes)
        with out.progress(f"clearing {queue}") as progress:
            result = ops.queues.clear(queue, purge=purge, dependents=dependents_choice(dependents), progress=progress)
    out.report(documents.clear(result, dry_run), _dry_run_summary(result) if dry_run else _summary(result))


def _dry_run_summary(result: ClearResult) -> list[Cell]:
    participle = "permanently deleted" if result.purged else "moved to the trash"
    return [Cell(f"{result.queue}: {quantity(result.removed, 'waiting job')} would be {participle}")]


def _summary(result: ClearResult) -> list[Cell]:
    if not result.removed:
        return [Cell(f"{result.queue}: no waiting jobs")]
    others = dependents_lines(result.dependents, result.dependents_changed, "changed too")
    if not result.batch:
        return [Cell(f"{result.queue}: {quantity(result.removed, 'job')} permanently deleted", "good"), *others]
    return [
        Cell(f"{result.queue}: {quantity(result.removed, 'job')} moved to the trash", "good"),
        *others,
        Cell(f"  undo: qctl trash restore {result.batch}", "dim"),
    ]
