"""`qctl ingest rejects list|show|retry|discard`: dead letters in the queues of the pipelines."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone
from functools import partial
from shlex import quote
from typing import Annotated

import typer

from qctl import catalog, view
from qctl.cli import documents, redaction
from qctl.cli.bulk_actions import DryRun, Rate, Yes, run_bulk_action
from qctl.cli.command import command
from qctl.cli.commands.job_bulk import DISCARD
from qctl.cli.commands.retry import RETRY
from qctl.cli.exit_codes import ExitCode
from qctl.cli.job_selection import SelectedJobs, with_filters, with_selection
from qctl.cli.paging import Limit, Offset, page_footer, warn_of_scan_limit
from qctl.cli.redaction import Reveal
from qctl.cli.session import Session
from qctl.models import DeadLetter, Selector
from qctl.rates import parse

NO_REJECTS = "No rejects: messages that cannot be read or stored are kept here."

Pipeline = Annotated[
    str | None, typer.Option("--pipeline", metavar="PIPELINE", help="readings or messages. Default: both.")
]

OMITTED_FILTERS = ("queue", "state", "job", "owner", "argument")
"""Filters of other lists of jobs whose values the pipelines determine."""

DISCARD_REJECTS = replace(DISCARD, schema="ingest.rejects.discard", noun="reject")
RETRY_REJECTS = replace(RETRY, noun="reject")


def _limit_to_pipelines(session: Session, selector: Selector, pipeline: str | None) -> Selector:
    """Limit a selector to the queues of the pipelines. Raises NotFoundError for an unknown pipeline, and for the id of
    a job in another queue."""
    specs = catalog.pipelines([pipeline] if pipeline else ())
    if selector.ids is not None:
        session.ops.ingest.require_rejects(selector.ids)
        return selector
    return replace(selector, queue=",".join(spec.queue for spec in specs))


def _pipeline_name(letter: DeadLetter) -> str:
    return next((spec.name for spec in catalog.pipelines() if spec.queue == letter.queue), letter.queue)


@command(
    "list",
    examples="qctl ingest rejects list\nqctl ingest rejects list --pipeline messages --error 'too long' --json",
)
@partial(with_filters, without=OMITTED_FILTERS)
def list_rejects(
    session: Session, selector: Selector, pipeline: Pipeline = None, limit: Limit = 50, offset: Offset = 0
) -> None:
    """List rejected messages, rows and batches, newest first."""
    selector = _limit_to_pipelines(session, selector, pipeline)
    with session.out.progress("searching") as progress:
        page = session.ops.dead_letters.list(selector, limit=limit, offset=offset, progress=progress)
    warn_of_scan_limit(session.out, page.scanned, page.scannable)
    page = replace(page, letters=[redaction.dead_letter(letter) for letter in page.letters])
    columns = view.reject_columns(datetime.now(timezone.utc), _pipeline_name)
    hint = "details: qctl ingest rejects show ID   run again: qctl ingest rejects retry ID"
    footer = page_footer(offset, len(page.letters), page.total, hint)
    table = view.Table(columns, page.letters, NO_REJECTS, footer)
    session.out.listing(documents.reject_list(page, _pipeline_name), table)


@command("show", examples="qctl ingest rejects show reject-6f1c0a5293f14d0ea0f50d3d8b7f4c11")
def show(
    session: Session,
    job_id: Annotated[str, typer.Argument(metavar="ID", show_default=False, help="Id of the reject.")],
    reveal: Reveal = False,
) -> None:
    """Show one reject: its source, content and reason."""
    reject = session.ops.ingest.reject(job_id)
    if not reveal:
        reject = redaction.reject(reject)
    letter, now = reject.detail.letter, datetime.now(timezone.utc)
    values = {
        "id": letter.id,
        "pipeline": reject.pipeline,
        "source": reject.source or view.NO_VALUE,
        "rejected": view.ago(letter.died_at, now),
        "cause": letter.fingerprint or view.NO_VALUE,
    }
    content = reject.content if reject.content is not None else f"a batch: see qctl dlq show {quote(letter.id)}"
    lines = [
        *(view.detail_line(name, value) for name, value in values.items()),
        view.detail_line("reason", letter.error, "bad"),
        *view.section("content", content),
        *view.section(f"run again: qctl ingest rejects retry {quote(letter.id)}"),
    ]
    session.out.report(documents.reject_show(reject), lines)


@command(
    "retry",
    examples="qctl ingest rejects retry reject-6f1c0a5293f14d0ea0f50d3d8b7f4c11\n"
    "qctl ingest rejects retry --all --pipeline messages --dry-run",
    changes=True,
)
@partial(with_selection, without=OMITTED_FILTERS)
def retry(
    session: Session,
    jobs: SelectedJobs,
    pipeline: Pipeline = None,
    rate: Rate = None,
    dry_run: DryRun = False,
    yes: Yes = False,
) -> ExitCode:
    """Process rejects again, after their cause is fixed."""
    run = partial(session.ops.jobs.retry, rate=parse(rate, "--rate"))
    rejects = replace(jobs, selector=_limit_to_pipelines(session, jobs.selector, pipeline))
    return run_bulk_action(session, RETRY_REJECTS, rejects, run, dry_run=dry_run, yes=yes)


@command(
    "discard",
    examples="qctl ingest rejects discard --error 'not JSON'\nqctl ingest rejects discard --older-than 30d --dry-run",
    changes=True,
)
@partial(with_selection, without=OMITTED_FILTERS)
def discard(
    session: Session,
    jobs: SelectedJobs,
    pipeline: Pipeline = None,
    rate: Rate = None,
    dry_run: DryRun = False,
    yes: Yes = False,
) -> ExitCode:
    """Move rejects to the trash."""
    run = partial(session.ops.jobs.delete, verb="discard", rate=parse(rate, "--rate"))
    rejects = replace(jobs, selector=_limit_to_pipelines(session, jobs.selector, pipeline))
    return run_bulk_action(session, DISCARD_REJECTS, rejects, run, dry_run=dry_run, yes=yes)
