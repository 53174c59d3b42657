"""`qctl job list|show|wait`. `job_enqueue`, `job_edit`, `job_bulk`, `retry` and `transfer` have the changes."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone
from typing import Annotated

import typer

from qctl import durations, view
from qctl.cli import documents, redaction
from qctl.cli.command import command
from qctl.cli.job_selection import with_filters
from qctl.cli.paging import Limit, Offset, page_footer, warn_of_scan_limit
from qctl.cli.redaction import Reveal
from qctl.cli.session import Session
from qctl.models import Selector
from qctl.view import Cell

NO_JOBS = "No jobs. Create one: qctl job enqueue NAME, whose names are listed by qctl job types"

Id = Annotated[
    str, typer.Argument(metavar="ID", show_default=False, help="Id of the job, or its first 6 or more characters.")
]


@command(
    "list",
    examples="qctl job list --queue email\nqctl job list --state pending --job send-newsletter --owner ada\n"
    "qctl job list --where 'name~send and age>1h' --since 1d\n"
    "qctl job list --argument ada@example.com --sort=-since\nqctl job list --state failed --error timeout -o name",
)
@with_filters
def list_jobs(
    session: Session,
    selector: Selector,
    sort: Annotated[
        str | None, typer.Option(metavar="KEY", help="Sort key: since, queue, state, job or id; -since reverses.")
    ] = None,
    limit: Limit = 50,
    offset: Offset = 0,
) -> None:
    """List jobs of any state, the next to run first."""
    with session.out.progress("searching") as progress:
        page = session.ops.jobs.list(selector, sort=sort, limit=limit, offset=offset, progress=progress)
    warn_of_scan_limit(session.out, page.scanned, page.total)
    page = replace(page, rows=[redaction.job_row(row) for row in page.rows])
    columns = view.job_columns(datetime.now(timezone.utc))
    empty = NO_JOBS if selector.is_everything else "No matching jobs. All of them: qctl job list"
    footer = page_footer(offset, len(page.rows), page.matching, "details: qctl job show ID")
    session.out.listing(documents.job_list(page), view.Table(columns, page.rows, empty, footer))


# --- show ---------------------------------------------------------------------------------------------------


@command("show", examples="qctl job show 6f1c0a52-93f1-4d0e-a0f5-0d3d8b7f4c11")
def show(session: Session, job_id: Id, reveal: Reveal = False) -> None:
    """Show one job: payload, attempts, events, dependencies.

    `qctl flow show ID` draws what it waits for and what waits for it.
    """
    detail = session.ops.jobs.show(job_id)
    if not reveal:
        detail = redaction.job(detail)
    session.out.report(documents.job_show(detail), view.job_details(detail, datetime.now(timezone.utc)))


# --- wait ---------------------------------------------------------------------------------------------------


@command(
    "wait",
    examples="qctl job wait 6f1c0a52-93f1-4d0e-a0f5-0d3d8b7f4c11 --timeout 30s\n"
    'qctl job wait "$(qctl job enqueue generate-report -o name)"',
)
def wait(
    session: Session,
    job_id: Id,
    timeout: Annotated[str, typer.Option(metavar="TIME", help="Maximum time to wait.")] = "60s",
) -> None:
    """Wait until a job has finished.

    Exits 8 if it failed, 7 if the timeout passes first.
    """
    result = session.ops.jobs.wait(job_id, timeout=durations.parse(timeout, "--timeout"))
    text = f"job {result.id} finished after {view.duration(result.seconds)}"
    returned = f", returned {result.value}" if result.value else ""
    session.out.report(documents.job_wait(result), [Cell(text + returned, "good")])
