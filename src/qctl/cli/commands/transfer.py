"""`qctl job export|import` and `qctl dlq export|import`: jobs as JSON lines."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Annotated

import typer

from qctl.cli import documents
from qctl.cli.bulk_actions import MAX_LISTED_JOBS, join_queues, scan_warning
from qctl.cli.command import command
from qctl.cli.exit_codes import ExitCode
from qctl.cli.input_files import open_input, read_lines, rejected_lines
from qctl.cli.job_selection import SelectedJobs, with_selection
from qctl.cli.session import Session
from qctl.errors import QctlError, UsageError
from qctl.models import DEAD_STATES, ImportResult
from qctl.view import Cell, quantity

To = Annotated[
    str | None,
    typer.Option("--to", metavar="FILE", help="File to write, readable only by its owner. Default: stdout."),
]


@command(
    "export",
    examples="qctl job export --queue email --to email.jsonl\nqctl job export --state finished --owner ada",
)
@with_selection
def export_jobs(session: Session, jobs: SelectedJobs, to: To = None) -> ExitCode:
    """Export jobs as JSON lines, which `job import` reads.

    The lines contain secrets in plain text.
    """
    return _export(session, jobs, to)


@command(
    "export",
    examples="qctl dlq export --all --to dead.jsonl\nqctl dlq export --queue email --error timeout",
)
@with_selection
def export_dead_letters(session: Session, jobs: SelectedJobs, to: To = None) -> ExitCode:
    """Export dead letters as JSON lines, with their tracebacks.

    The lines contain secrets in plain text.
    """
    selector = jobs.selector
    if selector.ids is None:
        if set(selector.states) - set(DEAD_STATES):
            raise UsageError(
                "dead letters have state failed or quarantined", "export other states with `qctl job export`"
            )
        selector = replace(selector, states=selector.states or DEAD_STATES)
    return _export(session, replace(jobs, selector=selector), to)


def _export(session: Session, jobs: SelectedJobs, to: str | None) -> ExitCode:
    out = session.out
    if out.format is not None:
        raise UsageError("export cannot be combined with -o or --json: it always writes JSON lines")
    with out.progress("selecting") as progress:
        selection = session.ops.jobs.choose("export", jobs.selector, progress=progress)
    if selection.scan:
        out.say(scan_warning(selection.scan))
    for outcome in selection.missing[:MAX_LISTED_JOBS]:
        out.say(f"{outcome.id}: {outcome.detail}")
    with _open_output(session, to) as write, out.progress("exporting") as progress:
        count = session.ops.transfer.export(selection, write, progress=progress)
    out.say(f"{quantity(count, 'job')} exported" + (f" to {to}" if to else ""))
    if not selection.missing:
        return ExitCode.DONE
    return ExitCode.PARTIAL if count else ExitCode.NOT_FOUND


@contextmanager
def _open_output(session: Session, to: str | None) -> Iterator[Callable[[str], None]]:
    """Yield a function that writes to stdout, or to a file that only its owner can read."""
    if to is None:
        yield session.out.print
        return
    try:
        handle = os.open(to, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with open(handle, "w", encoding="ascii") as file:

            def write(text: str) -> None:
                file.write(text)

            yield write
    except OSError as error:
        raise QctlError(f"file {to!r} cannot be written: {error.strerror}") from error


@command("import", examples="qctl job import email.jsonl\nqctl dlq import - --trust", changes=True)
def import_jobs(
    session: Session,
    file: Annotated[
        str, typer.Argument(metavar="FILE", show_default=False, help="File written by export; - reads stdin.")
    ],
    trust: Annotated[
        bool, typer.Option("--trust", help="Accept pickled payloads, callbacks and webhooks: workers execute them.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show which lines would be imported.")] = False,
) -> ExitCode:
    """Import exported jobs into their queues and states.

    Existing jobs stay as they are. Corrupt and hostile lines are rejected by their number.
    """
    with open_input(file) as stream, session.out.progress("importing") as progress:
        result = session.ops.transfer.import_(read_lines(stream), trust=trust, dry_run=dry_run, progress=progress)
    session.out.report(documents.job_import(result, dry_run), _summary(result, dry_run))
    if not result.refused:
        return ExitCode.DONE
    return ExitCode.PARTIAL if result.taken else ExitCode.FAILED


def _summary(result: ImportResult, dry_run: bool) -> list[Cell]:
    verb = "would be imported" if dry_run else "imported"
    queues = f" into {join_queues(result.queues)}" if result.queues else ""
    lines = [Cell(f"{quantity(result.taken, 'job')} {verb}{queues}", "good" if result.taken else "")]
    if result.existing:
        lines.append(Cell(f"already present, left unchanged: {quantity(result.existing, 'job')}"))
    return lines + rejected_lines(result.lines, result.refused)
