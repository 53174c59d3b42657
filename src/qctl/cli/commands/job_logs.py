"""`qctl job logs`: the lines that a job logged or printed."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Annotated

import typer

from qctl import view
from qctl.cli import documents, redaction
from qctl.cli.command import command
from qctl.cli.commands.jobs import Id
from qctl.cli.session import Session
from qctl.errors import NotFoundError
from qctl.models import JobLogs
from qctl.quantities import quantity
from qctl.view import Cell


@command(
    "logs",
    examples="qctl job logs 6f1c0a52-93f1-4d0e-a0f5-0d3d8b7f4c11\nqctl job logs job-1 --follow\n"
    "qctl job logs job-1 --attempt 1 --json",
)
def logs(
    session: Session,
    job_id: Id,
    attempt: Annotated[
        int | None, typer.Option("--attempt", min=1, metavar="N", help="Attempt, as `qctl job show` counts them.")
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Print new lines until the job has ended.")] = False,
) -> None:
    """Show the last lines that each run logged or printed.

    Workers of qctl keep them, QCTL_JOB_LOG_LINES of each run, as long as the job.
    """
    if not follow:
        _print_all(session, session.ops.jobs.logs(job_id), attempt)
        return
    is_first = True
    for news in session.ops.jobs.follow_logs(job_id, on_disconnect=session.wait_to_reconnect):
        news = redaction.job_logs(_only(news, attempt))
        lines = view.job_log_lines(news)
        session.out.stream(documents.job_logs(news), lines, first=is_first)
        is_first = False


def _print_all(session: Session, found: JobLogs, attempt: int | None) -> None:
    if attempt is not None and not any(run.number == attempt for run in found.runs):
        raise NotFoundError(
            f"job {found.id} has no attempt {attempt}: {quantity(len(found.runs), 'attempt')} known",
            hint=f"list attempts with: qctl job show {found.id}",
        )
    found = redaction.job_logs(_only(found, attempt))
    lines = view.job_log(found, datetime.now(timezone.utc))
    if not any(run.lines for run in found.runs):
        lines.append(Cell("No lines: stock workers keep none, and a job that logs nothing has none.", "dim"))
    session.out.report(documents.job_logs(found), lines)


def _only(found: JobLogs, attempt: int | None) -> JobLogs:
    runs = [run for run in found.runs if attempt is None or run.number == attempt]
    return JobLogs(found.id, found.queue, found.status, runs)
