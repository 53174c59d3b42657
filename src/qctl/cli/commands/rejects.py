"""What came in and could not be taken or written: `qctl ingest rejects list`, `show`, `retry`, `discard`.

Dead letters of the pipelines' queues, seen from where they came.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone
from functools import partial
from shlex import quote
from typing import Annotated

import typer

from qctl import catalog, view
from qctl.cli import documents, redaction
from qctl.cli.bulk import DryRun, Rate, Yes, carry_out, not_all
from qctl.cli.command import command
from qctl.cli.commands import job_bulk
from qctl.cli.commands.retry import RETRYING
from qctl.cli.exits import ExitCode
from qctl.cli.job_selectors import Choice, filtering, selecting
from qctl.cli.rates import parse
from qctl.cli.session import Session
from qctl.cli.text_sections import ago, section
from qctl.models import DeadLetter, Scan, Selector
from qctl.view import Cell

Pipeline = Annotated[str | None, typer.Option("--pipeline", metavar="PIPELINE", help="Only of readings, or messages.")]

IMPLIED = ("queue", "state", "job", "owner", "argument")
"""Options of other lists of jobs that the pipelines settle."""

DISCARDING = replace(job_bulk.DISCARDING, schema="ingest.rejects.discard", thing="reject")


def _of(selector: Selector, pipeline: str | None) -> Selector:
    """The same, of the queues of the pipelines alone; ids say themselves where they are. Raises NotFoundError."""
    specs = catalog.pipelines([pipeline] if pipeline else ())
    return selector if selector.ids is not None else replace(selector, queue=",".join(spec.queue for spec in specs))


def _pipeline(letter: DeadLetter) -> str:
    return next((spec.name for spec in catalog.pipelines() if spec.queue == letter.queue), letter.queue)


@command(
    "list",
    examples="qctl ingest rejects list\nqctl ingest rejects list --pipeline messages --error 'too long' --json",
)
@partial(filtering, without=IMPLIED)
def page(
    session: Session,
    selector: Selector,
    pipeline: Pipeline = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, metavar="N", help="Most to list.")] = 50,
    offset: Annotated[int, typer.Option(min=0, metavar="N", help="Pass over this many.", show_default=False)] = 0,
) -> None:
    """List messages and rows that were refused, and batches that died, newest first."""
    with session.out.progress("looking") as progress:
        found = session.ops.dead_letters.list(_of(selector, pipeline), limit=limit, offset=offset, progress=progress)
    if found.scanned is not None and found.scannable is not None and found.scanned < found.scannable:
        session.out.say(not_all(Scan(found.scanned, found.scannable)))
    found = replace(found, letters=[redaction.letter(letter) for letter in found.letters])
    columns = view.reject_columns(datetime.now(timezone.utc), _pipeline)
    shown = offset + len(found.letters)
    more = [Cell(f"{offset + 1} to {shown} of {found.total}; more with --offset {shown}")]
    hint = "look closer: qctl ingest rejects show ID   run again: qctl ingest rejects retry ID"
    footer = [Cell(""), *(more if shown < found.total else ()), Cell(hint, "dim")]
    table = view.Table(columns, found.letters, "No rejects.", footer)
    session.out.listing(documents.rejects(found, _pipeline), table)


@command("show", examples="qctl ingest rejects show reject-6f1c0a5293f14d0ea0f50d3d8b7f4c11")
def show(
    session: Session,
    job_id: Annotated[str, typer.Argument(metavar="ID", show_default=False, help="Its id.")],
    reveal: Annotated[bool, typer.Option("--reveal", help="Show passwords and tokens too, not ***.")] = False,
) -> None:
    """Show one reject: from where it came, what it said, why it was refused."""
    seen = session.ops.ingest.reject(job_id)
    if not reveal:
        seen = redaction.reject(seen)
    letter, now = seen.detail.letter, datetime.now(timezone.utc)
    facts = {
        "id": letter.id,
        "pipeline": seen.pipeline,
        "from": seen.source or view.NO_VALUE,
        "refused": ago(letter.died_at, now),
        "cause": letter.fingerprint or view.NO_VALUE,
    }
    lines = [
        *(view.detail_line(name, value) for name, value in facts.items()),
        view.detail_line("reason", letter.error, "bad"),
        *section("what came", seen.content if seen.content is not None else "a batch: see qctl dlq show"),
        *section(f"run it again: qctl ingest rejects retry {quote(letter.id)}"),
    ]
    session.out.report(documents.reject(seen), lines)


@command(
    "retry",
    examples="qctl ingest rejects retry reject-6f1c0a5293f14d0ea0f50d3d8b7f4c11\n"
    "qctl ingest rejects retry --all --pipeline messages --dry-run",
    changes=True,
)
@partial(selecting, without=IMPLIED)
def retry(
    session: Session,
    choice: Choice,
    pipeline: Pipeline = None,
    rate: Rate = None,
    dry_run: DryRun = False,
    yes: Yes = False,
) -> ExitCode:
    """Read or write rejects again, once what was wrong with them is mended: a table altered, a limit raised."""
    do = partial(session.ops.jobs.retry, rate=parse(rate, "--rate"))
    chosen = replace(choice, selector=_of(choice.selector, pipeline))
    return carry_out(session, replace(RETRYING, thing="reject"), chosen, do, dry_run=dry_run, yes=yes)


@command(
    "discard",
    examples="qctl ingest rejects discard --error 'not JSON'\nqctl ingest rejects discard --older-than 30d --dry-run",
    changes=True,
)
@partial(selecting, without=IMPLIED)
def discard(
    session: Session,
    choice: Choice,
    pipeline: Pipeline = None,
    rate: Rate = None,
    dry_run: DryRun = False,
    yes: Yes = False,
) -> ExitCode:
    """Move rejects to the trash: nobody has to look at them again."""
    do = partial(session.ops.jobs.delete, verb="discard", rate=parse(rate, "--rate"))
    chosen = replace(choice, selector=_of(choice.selector, pipeline))
    return carry_out(session, DISCARDING, chosen, do, dry_run=dry_run, yes=yes)
