"""`qctl job stop|edit`: changes of one job."""

from __future__ import annotations

from shlex import quote
from typing import Annotated

import typer

from qctl import durations, view
from qctl.cli import documents, redaction
from qctl.cli.bulk_actions import shell_line
from qctl.cli.command import command
from qctl.cli.commands.jobs import Id
from qctl.cli.editor import edit as edit_text
from qctl.cli.exit_codes import ExitCode
from qctl.cli.redaction import Reveal
from qctl.cli.session import Session
from qctl.errors import UsageError
from qctl.models import Selector
from qctl.view import Cell


@command("stop", examples="qctl job stop 6f1c0a52-93f1-4d0e-a0f5-0d3d8b7f4c11", changes=True)
def stop(
    session: Session,
    job_id: Id,
    timeout: Annotated[str, typer.Option(metavar="TIME", help="Maximum time to wait until it has stopped.")] = "10s",
    force: Annotated[
        bool, typer.Option("--force", help="End a job whose worker does not answer: it is dead, or cannot be reached.")
    ] = False,
) -> None:
    """Stop a running job: it becomes a dead letter.

    A job that a dead worker left becomes one at once. Exits 7 if its worker does not stop it in time.
    """
    result = session.ops.jobs.stop(job_id, timeout=durations.parse(timeout, "--timeout"), force=force)
    if result.was_abandoned:
        text = f"job {result.id} of {result.queue} ended: its worker was gone, and nothing ran it"
    else:
        verb = "stopped" if result.status == "stopped" else f"ended by itself as {result.status}"
        text = f"job {result.id} of {result.queue} {verb}, {view.duration(result.seconds)} after the request"
    is_dead = result.status in ("stopped", "failed")
    retry = [Cell(f"  run again with: qctl retry {quote(result.id)}", "dim")] if is_dead else []
    session.out.report(documents.job_stop(result), [Cell(text, "good"), *retry])


@command(
    "edit",
    examples="""
    qctl job edit 6f1c0a52
    qctl job edit 6f1c0a52 --data '{"args": ["ada@example.com"]}' --retry
    qctl job edit 6f1c0a52 --revert
    """,
    changes=True,
)
def edit(
    session: Session,
    job_id: Id,
    data: Annotated[
        str | None,
        typer.Option(metavar="JSON", help="New function, args or kwargs. Default: opens $EDITOR."),
    ] = None,
    revert: Annotated[bool, typer.Option("--revert", help="Restore the payload from before the first edit.")] = False,
    retry: Annotated[bool, typer.Option("--retry", help="Then run the dead letter again.")] = False,
    reveal: Reveal = False,
) -> ExitCode | None:
    """Edit the payload of a job, keeping the original.

    Pickled payloads are refused.
    """
    if revert and data is not None:
        raise UsageError("--data cannot be combined with --revert")
    jobs = session.ops.jobs
    job = jobs.editable(job_id)
    if revert:
        edited = jobs.revert(job)
    else:
        edited = jobs.edit(job, edit_text(job.text, ".json", "--data JSON") if data is None else data)
    retried = jobs.retry(jobs.choose("retry", Selector(ids=(job.id,)))) if retry else None
    shown = edited if reveal else redaction.edited(edited)
    lines = [Cell(f"job {job.id} of {edited.queue} {'edited' if edited.changed else 'unchanged'}", "good")]
    if edited.changed:
        lines += [Cell("before", "dim"), Cell(shown.before), Cell("after", "dim"), Cell(shown.after)]
        lines += [] if revert else [Cell(f"  undo: {shell_line(['qctl', 'job', 'edit', job.id, '--revert'])}", "dim")]
    if retried:
        lines.append(Cell("enqueued again", "good") if retried.done else Cell(retried.outcomes[0].detail, "bad"))
    session.out.report(documents.job_edit(shown, bool(retried and retried.done)), lines)
    return ExitCode.PARTIAL if retried and not retried.done else None
