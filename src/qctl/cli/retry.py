"""`qctl retry`: dead letters run again, by id or all that match."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from qctl.cli import ask, documents
from qctl.cli.command import command
from qctl.cli.dead_letters import Glob
from qctl.cli.exits import ExitCode
from qctl.cli.session import Session
from qctl.errors import UsageError
from qctl.models import BulkResult
from qctl.view import Cell, counted

SHOWN = 20
"""Jobs that are told one by one; of the others it is told how many."""

EXAMPLES = """
qctl retry 6f1c0a52-93f1-4d0e-a0f5-0d3d8b7f4c11
qctl retry --all --queue 'email*' --dry-run
qctl dlq list -o name | qctl retry - --yes
"""


@command("retry", examples=EXAMPLES, changes=True)
def retry(
    session: Session,
    ids: Annotated[
        list[str] | None, typer.Argument(metavar="[ID]...", show_default=False, help="Jobs; - reads ids from stdin.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="All dead letters, or all of --queue.")] = False,
    queue: Glob = None,
    limit: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Of those, the N that have waited longest.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only list what would run again.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> ExitCode:
    """Run dead letters again: each goes back to the end of its queue."""
    _check_choice(ids, everything, queue, limit)
    named = _named(ids or ())
    if ids and not named:
        session.out.say("No ids came in.")
        return ExitCode.DONE
    if not dry_run and not yes and (not ids or "-" in ids):
        count = len(named) if ids else min(session.ops.dead_letters.count(queue), limit or sys.maxsize)
        if count:
            ask.to_go_on(session.out, f"Run {counted(count, 'dead letter')}{f' of {queue}' if queue else ''} again?")
    with session.out.progress("retrying") as progress:
        result = session.ops.dead_letters.retry(
            named, queue=queue, all=not ids, limit=limit, dry_run=dry_run, progress=progress
        )
    session.out.report(documents.retried(result, dry_run), _would_run(result) if dry_run else _run_again(result))
    return _exit_code(result, dry_run)


def _check_choice(ids: Sequence[str] | None, everything: bool, queue: str | None, limit: int | None) -> None:
    if ids and (everything or queue or limit):
        raise UsageError("ids and --all, --queue or --limit exclude each other")
    if not ids and not everything and not queue:
        raise UsageError("nothing is chosen to retry", "name ids, or give --all, --queue GLOB or both")


def _named(given: Sequence[str]) -> list[str]:
    """The ids that were named, each once, with those of stdin where `-` stands for them."""
    named: list[str] = []
    for one in given:
        named += [line.strip() for line in sys.stdin] if one == "-" else [one]
    return [id_ for id_ in dict.fromkeys(named) if id_]


def _would_run(result: BulkResult) -> list[Cell]:
    found = [outcome for outcome in result.outcomes if outcome.queue]
    lines = [Cell(f"  {outcome.id}  {outcome.queue}") for outcome in found[:SHOWN]]
    if len(found) > SHOWN:
        lines.append(Cell(f"  and {len(found) - SHOWN} more: see them all with --json"))
    missing = [Cell(f"  {outcome.id}: {outcome.detail}", "bad") for outcome in result.outcomes if not outcome.queue]
    return [Cell(f"{counted(len(found), 'dead letter')} would run again"), *lines, *missing[:SHOWN]]


def _run_again(result: BulkResult) -> list[Cell]:
    if not result.outcomes:
        return [Cell("No dead letters.")]
    failures = [outcome for outcome in result.outcomes if not outcome.done]
    queues = ", ".join(sorted({outcome.queue for outcome in result.outcomes if outcome.done}))
    of = f" of {len(result.outcomes)}" if failures else ""
    lines = [Cell(f"{result.done}{of} run again{f' on {queues}' if queues else ''}", "good" if result.done else "")]
    lines += [Cell(f"  {outcome.id}: {outcome.detail}", "bad") for outcome in failures[:SHOWN]]
    if len(failures) > SHOWN:
        lines.append(Cell(f"  and {len(failures) - SHOWN} more: see them all with --json", "bad"))
    return lines


def _exit_code(result: BulkResult, dry_run: bool) -> ExitCode:
    missing = [outcome for outcome in result.outcomes if not outcome.queue]
    failures = missing if dry_run else [outcome for outcome in result.outcomes if not outcome.done]
    if not failures:
        return ExitCode.DONE
    if len(failures) < len(result.outcomes):
        return ExitCode.PARTIAL
    return ExitCode.NOT_FOUND if len(missing) == len(failures) else ExitCode.FAILED
