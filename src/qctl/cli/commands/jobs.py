"""Looking at jobs: `qctl job list`, `show`, `wait`. What is done to them is in `job_acts.py`."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone
from typing import Annotated

import typer

from qctl import durations, view
from qctl.cli import documents, redaction
from qctl.cli.bulk import not_all
from qctl.cli.command import command
from qctl.cli.job_selectors import filtering
from qctl.cli.session import Session
from qctl.cli.text_sections import ago, payload, section
from qctl.models import Attempt, JobDetail, Jobs, Scan, Selector
from qctl.view import Cell

Id = Annotated[str, typer.Argument(metavar="ID", show_default=False, help="Id of the job.")]


@command(
    "list",
    examples="qctl job list --queue email\nqctl job list --state pending --job send-newsletter --owner ada\n"
    "qctl job list --argument ada@example.com --sort=-since\nqctl job list --state failed --error timeout -o name",
)
@filtering
def page(
    session: Session,
    selector: Selector,
    sort: Annotated[
        str | None, typer.Option(metavar="KEY", help="By since, queue, state, job or id; -since: the other way.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, metavar="N", help="Most to list.")] = 50,
    offset: Annotated[int, typer.Option(min=0, metavar="N", help="Pass over this many.", show_default=False)] = 0,
) -> None:
    """List jobs of any state, the next to run first."""
    with session.out.progress("looking") as progress:
        found = session.ops.jobs.list(selector, sort=sort, limit=limit, offset=offset, progress=progress)
    if found.scanned < found.total:
        session.out.say(not_all(Scan(found.scanned, found.total)))
    found = replace(found, rows=[redaction.row(row) for row in found.rows])
    columns = view.job_columns(datetime.now(timezone.utc))
    none = "No jobs." if selector.is_everything else "No job matches."
    session.out.listing(documents.jobs(found), view.Table(columns, found.rows, none, _footer(found, offset)))


def _footer(found: Jobs, offset: int) -> list[Cell]:
    shown = offset + len(found.rows)
    lines = [Cell("")]
    if shown < found.matching:
        lines.append(Cell(f"{offset + 1} to {shown} of {found.matching}; more with --offset {shown}"))
    return [*lines, Cell("look closer: qctl job show ID", "dim")]


# --- show ---------------------------------------------------------------------------------------------------


@command("show", examples="qctl job show 6f1c0a52-93f1-4d0e-a0f5-0d3d8b7f4c11")
def show(
    session: Session,
    job_id: Id,
    reveal: Annotated[bool, typer.Option("--reveal", help="Show passwords and tokens too, not ***.")] = False,
) -> None:
    """Show all that is known of one job, in whichever queue and state: payload, attempts, events, dependencies."""
    detail = session.ops.jobs.show(job_id)
    if not reveal:
        detail = redaction.job(detail)
    session.out.report(documents.job(detail), _details(detail))


ENDED = ("finished", "failed", "stopped", "canceled")
"""Statuses that a job does not leave by itself."""


def _details(detail: JobDetail) -> list[Cell]:
    return [
        *_facts(detail),
        *(payload("payload", detail.payload, detail.description) if detail.payload.size else ()),
        *(payload("payload before it was edited", detail.original, "") if detail.original else ()),
        *(section("meta", detail.meta) if detail.meta else ()),
        *_attempts(detail.attempts),
        *(section("traceback", detail.traceback.rstrip()) if detail.traceback else ()),
        *_timeline(detail),
    ]


def _facts(detail: JobDetail) -> list[Cell]:
    now = datetime.now(timezone.utc)
    facts = {
        "id": detail.id,
        "queue": detail.queue,
        "state": _state(detail),
        "function": detail.function,
        "created": ago(detail.created_at, now),
        "enqueued": ago(detail.enqueued_at, now),
        "started": ago(detail.started_at, now),
        "ended": ago(detail.ended_at, now),
        "due": "" if detail.due is None else f"in {view.duration((detail.due - now).total_seconds())}",
        "worker": detail.worker,
        "timeout": f"{detail.timeout} s" if detail.timeout.isdigit() else detail.timeout,
        "retries": _retries(detail),
        "expires": "" if detail.expires_in is None else f"in {view.duration(detail.expires_in)}",
        "owner": detail.owner or "",
        "trace": detail.trace or "",
        "cause": detail.fingerprint or "",
        "after": ", ".join(detail.dependencies),
        "before": ", ".join(detail.dependents),
        "from": detail.moved_from or "",
        "edited": detail.edited or "",
    }
    lines = [view.detail_line(name, value) for name, value in facts.items() if value and value != view.NO_VALUE]
    if detail.note:
        lines.append(view.detail_line("note", detail.note, "warn"))
    return [*lines, view.detail_line("error", detail.error, "bad")] if detail.error else lines


def _state(detail: JobDetail) -> str:
    if detail.state == "queued" and detail.position is not None:
        return f"queued, {detail.position} before it" if detail.position else "queued, the next to run"
    return detail.state or detail.status


def _retries(detail: JobDetail) -> str:
    """How often it will still be tried, and after how long each time: what RQ leaves people to guess. Of a job that
    has ended nothing: none of it comes any more."""
    if detail.retries_left is None or detail.status in ENDED:
        return ""
    waits = ", ".join(view.duration(each) for each in detail.retry_intervals)
    return f"{detail.retries_left} left" + (f", after {waits}" if waits else "")


def _attempts(attempts: list[Attempt]) -> list[Cell]:
    if not attempts:
        return []
    now = datetime.now(timezone.utc)
    lines = []
    for number, each in enumerate(attempts, 1):
        ran = (each.ended_at - each.started_at).total_seconds() if each.ended_at and each.started_at else None
        took = "" if ran is None else f" after {view.elapsed(ran)}"
        where = f" on {each.worker}" if each.worker else ""
        said = each.error or (f"returned {each.value}" if each.value else "")
        text = f"{number}. {each.outcome}{took}{where}, {ago(each.at, now)}" + (f": {said}" if said else "")
        lines.append(Cell(text, "bad" if each.error else ""))
    return [*section("attempts"), *lines]


def _timeline(detail: JobDetail) -> list[Cell]:
    if not detail.timeline:
        return []
    older = [] if detail.events_whole else [Cell("what happened before is not in the event stream", "dim")]
    now = datetime.now(timezone.utc)
    told = (replace(each, fields={**each.fields, "job": "", "queue": ""}) for each in detail.timeline)
    return [*section("events"), *older, *(view.event_line(each, now) for each in told)]


# --- wait ---------------------------------------------------------------------------------------------------


@command(
    "wait",
    examples="qctl job wait 6f1c0a52-93f1-4d0e-a0f5-0d3d8b7f4c11 --timeout 30s\n"
    'qctl job wait "$(qctl job enqueue generate-report -o name)"',
)
def wait(
    session: Session,
    job_id: Id,
    timeout: Annotated[str, typer.Option(metavar="TIME", help="Most to wait.")] = "60s",
) -> None:
    """Wait until a job has finished. Exits 8 where it failed, 7 where that takes too long."""
    ended = session.ops.jobs.wait(job_id, timeout=durations.parse(timeout, "--timeout"))
    text = f"job {ended.id} finished after {view.duration(ended.seconds)}"
    returned = f", and returned {ended.value}" if ended.value else ""
    session.out.report(documents.waited(ended), [Cell(text + returned, "good")])
