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
from qctl.models import Attempt, JobDetail, Selector
from qctl.quantities import quantity
from qctl.view import Cell

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
    empty = "No jobs." if selector.is_everything else "No matching jobs."
    footer = page_footer(offset, len(page.rows), page.matching, "details: qctl job show ID")
    session.out.listing(documents.job_list(page), view.Table(columns, page.rows, empty, footer))


# --- show ---------------------------------------------------------------------------------------------------


@command(
    "show",
    examples="qctl job show 6f1c0a52-93f1-4d0e-a0f5-0d3d8b7f4c11\n"
    "qctl job show 6f1c0a52-93f1-4d0e-a0f5-0d3d8b7f4c11 --tree",
)
def show(
    session: Session,
    job_id: Id,
    tree: Annotated[
        bool, typer.Option("--tree", help="Draw the jobs that it waits for and those that wait for it.")
    ] = False,
    reveal: Reveal = False,
) -> None:
    """Show one job: payload, attempts, events, dependencies."""
    detail = session.ops.jobs.show(job_id)
    if not reveal:
        detail = redaction.job(detail)
    drawn = session.ops.jobs.tree(job_id) if tree else None
    lines = _details(detail) if drawn is None else [*_values(detail), *view.job_tree(detail, drawn)]
    session.out.report(documents.job_show(detail, drawn), lines)


FINAL_STATUSES = ("finished", "failed", "stopped", "canceled")
"""Statuses that a job does not leave by itself."""


def _details(detail: JobDetail) -> list[Cell]:
    original = detail.original
    return [
        *_values(detail),
        *(view.payload_section("payload", detail.payload, detail.description) if detail.payload.size else ()),
        *(view.payload_section("payload before the first edit", original, "") if original else ()),
        *(view.section("meta", detail.meta) if detail.meta else ()),
        *_attempts(detail.id, detail.attempts),
        *(view.section("traceback", detail.traceback.rstrip()) if detail.traceback else ()),
        *_timeline(detail),
    ]


def _values(detail: JobDetail) -> list[Cell]:
    now = datetime.now(timezone.utc)
    values = {
        "id": detail.id,
        "queue": detail.queue,
        "state": _state(detail),
        "function": detail.function,
        "created": view.ago(detail.created_at, now),
        "enqueued": view.ago(detail.enqueued_at, now),
        "started": view.ago(detail.started_at, now),
        "ended": view.ago(detail.ended_at, now),
        "due": "" if detail.due is None else f"in {view.duration((detail.due - now).total_seconds())}",
        "worker": detail.worker,
        "timeout": f"{detail.timeout} s" if detail.timeout.isdigit() else detail.timeout,
        "retries": _retries(detail),
        "expires": "" if detail.expires_in is None else f"in {view.duration(detail.expires_in)}",
        "owner": detail.owner or "",
        "trace": detail.trace or "",
        "cause": detail.fingerprint or "",
        "after": view.relatives(detail, detail.dependencies),
        "before": view.relatives(detail, detail.dependents),
        "left out": "; ".join(event.fields.get("reason", "") for event in detail.timeline if event.event == "omitted"),
        "from": detail.moved_from or "",
        "edited": detail.edited or "",
    }
    lines = [view.detail_line(name, value) for name, value in values.items() if value and value != view.NO_VALUE]
    if detail.note:
        lines.append(view.detail_line("note", detail.note, "warn"))
    return [*lines, view.detail_line("error", detail.error, "bad")] if detail.error else lines


def _state(detail: JobDetail) -> str:
    if detail.state == "queued" and detail.position is not None:
        return f"queued, {quantity(detail.position, 'job')} ahead" if detail.position else "queued, next to run"
    return detail.state or detail.status


def _retries(detail: JobDetail) -> str:
    """Format the remaining retries and their delays, which RQ does not show; empty for a job that has ended."""
    if detail.retries_left is None or detail.status in FINAL_STATUSES:
        return ""
    delays = ", ".join(view.duration(seconds) for seconds in detail.retry_intervals)
    return f"{detail.retries_left} left" + (f", after {delays}" if delays else "")


def _attempts(job_id: str, attempts: list[Attempt]) -> list[Cell]:
    if not attempts:
        return []
    now = datetime.now(timezone.utc)
    lines = []
    for number, attempt in enumerate(attempts, 1):
        ended, started = attempt.ended_at, attempt.started_at
        took = f" after {view.elapsed((ended - started).total_seconds())}" if ended and started else ""
        worker = f" on {attempt.worker}" if attempt.worker else ""
        result = attempt.error or (f"returned {attempt.value}" if attempt.value else "")
        logged = f", {quantity(attempt.logged, 'line')} logged" if attempt.logged else ""
        text = f"{number}. {attempt.outcome}{took}{worker}, {view.ago(attempt.at, now)}{logged}"
        lines.append(Cell(f"{text}: {result}" if result else text, "bad" if attempt.error else ""))
    logs = [Cell(f"   lines: qctl job logs {job_id}", "dim")] if any(a.logged for a in attempts) else []
    return [*view.section("attempts"), *lines, *logs]


def _timeline(detail: JobDetail) -> list[Cell]:
    if not detail.timeline:
        return []
    older = [] if detail.events_whole else [Cell("earlier events are no longer in the stream", "dim")]
    now = datetime.now(timezone.utc)
    events = (replace(event, fields={**event.fields, "job": "", "queue": ""}) for event in detail.timeline)
    return [*view.section("events"), *older, *(view.event_line(event, now) for event in events)]


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
