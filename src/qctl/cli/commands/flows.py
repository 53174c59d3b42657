"""`qctl flow list|show|retry|cancel`: jobs that wait for each other, and groups of jobs."""

from __future__ import annotations

from typing import Annotated

import typer

from qctl import view
from qctl.cli import documents
from qctl.cli.bulk_actions import BulkAction, DryRun, Yes, report_result, shell_line
from qctl.cli.command import command
from qctl.cli.exit_codes import ExitCode
from qctl.cli.paging import Limit
from qctl.cli.prompts import confirm
from qctl.cli.session import Session
from qctl.models import Flow
from qctl.safe import escape_line
from qctl.view import Cell, quantity

FlowName = Annotated[
    str, typer.Argument(metavar="FLOW", show_default=False, help="Id of a job or its beginning, or name of a group.")
]

EXAMPLE_ID = "6f1c0a52-93f1-4d0e-a0f5-0d3d8b7f4c11"

CANCEL = BulkAction("cancel", "flow.cancel", "Cancel", "canceling", "canceled")
RETRY = BulkAction("retry", "flow.retry", "Retry", "retrying", "enqueued again, or waiting for their dependencies")

_CANCELABLE = frozenset({"queued", "scheduled", "deferred"})
_RETRIABLE = frozenset({"failed", "stopped", "canceled", "quarantined"})


@command("list", examples="qctl flow list\nqctl flow list --json")
def list_flows(session: Session, limit: Limit = 50) -> None:
    """List groups of jobs, and trees in which jobs wait.

    A tree is named by the job that it begins with, and listed while jobs of it wait for others.
    """
    flows = session.ops.flows.list(limit=limit)
    footer = [] if flows.is_whole else [Cell("There are more; list more with --limit.", "warn")]
    empty = "No flows: no job waits for another one, and there is no group of jobs."
    session.out.listing(documents.flow_list(flows), view.Table(view.flow_columns(), flows.flows, empty, footer))


@command("show", examples=f"qctl flow show {EXAMPLE_ID}\nqctl flow show nightly-import --json")
def show(session: Session, flow: FlowName) -> None:
    """Draw jobs that wait for each other, and their progress.

    Of a job: all that it waits for, and all that wait for it. Of a group: its jobs.
    """
    found = session.ops.flows.show(flow)
    session.out.report(documents.flow_show(found), view.flow_tree(found))


@command(
    "retry", examples=f"qctl flow retry {EXAMPLE_ID} --dry-run\nqctl flow retry nightly-import --yes", changes=True
)
def retry(session: Session, flow: FlowName, dry_run: DryRun = False, yes: Yes = False) -> ExitCode:
    """Run a job again, with all that depend on it.

    Only what failed or was canceled runs again, each job after its dependencies. All changes in one step.
    """
    found = session.ops.flows.show(flow)
    if not _is_confirmed(session, RETRY, found, _RETRIABLE, dry_run=dry_run, yes=yes):
        return ExitCode.DONE
    return report_result(session, RETRY, session.ops.flows.retry(flow))


@command(
    "cancel", examples=f"qctl flow cancel {EXAMPLE_ID} --dry-run\nqctl flow cancel nightly-import --yes", changes=True
)
def cancel(session: Session, flow: FlowName, dry_run: DryRun = False, yes: Yes = False) -> ExitCode:
    """Cancel a job with all that depend on it.

    Jobs that have started go on. All changes in one step.
    """
    found = session.ops.flows.show(flow)
    if not _is_confirmed(session, CANCEL, found, _CANCELABLE, dry_run=dry_run, yes=yes):
        return ExitCode.DONE
    result = session.ops.flows.cancel(flow)
    undo = [shell_line(["qctl", "flow", "retry", flow])] if result.done else ()
    return report_result(session, CANCEL, result, undo)


def _is_confirmed(
    session: Session, action: BulkAction, flow: Flow, states: frozenset[str], *, dry_run: bool, yes: bool
) -> bool:
    """Show what would change, or ask. Returns whether to act."""
    ids = {job.id for job in flow.jobs if job.state in states} & _from_node(flow)
    if dry_run:
        jobs = [job for job in flow.jobs if job.id in ids]
        lines = [Cell(f"{quantity(len(jobs), 'job')} would be {action.participle}")]
        lines += [Cell(f"  {escape_line(job.id)}  {escape_line(job.queue)}  {job.state}") for job in jobs]
        session.out.report(documents.flow_act(action.schema, jobs), lines)
        return False
    if ids and not yes:
        confirm(session.out, f"{action.imperative} {quantity(len(ids), 'job')} of flow {escape_line(flow.id)}?")
    return True


def _from_node(flow: Flow) -> set[str]:
    """Return the ids of the job of the flow and all that depend on it; of a group all."""
    if flow.kind == "group":
        return {job.id for job in flow.jobs}
    chosen = {flow.id}
    while more := {job.id for job in flow.jobs if job.id not in chosen and chosen & set(job.depends_on)}:
        chosen |= more
    return chosen
