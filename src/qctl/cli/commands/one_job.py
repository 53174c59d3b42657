"""What is done to one job, or makes one: `qctl job enqueue`, `stop`, `edit`."""

from __future__ import annotations

import json
import sys
from datetime import datetime
from shlex import quote
from typing import Annotated, Any

import typer

from qctl import durations, view
from qctl.cli import documents, redaction
from qctl.cli.bulk import quoted
from qctl.cli.command import command
from qctl.cli.commands.jobs import Id
from qctl.cli.editor import edit as edit_text
from qctl.cli.exits import ExitCode
from qctl.cli.job_selectors import STDIN
from qctl.cli.session import Session
from qctl.errors import UsageError
from qctl.models import Selector
from qctl.view import Cell

# --- enqueue ------------------------------------------------------------------------------------------------


@command(
    "enqueue",
    examples="""
    qctl job enqueue welcome-email userEmail=ada@example.com userName=Ada
    qctl job enqueue generate-report --data '{"businessId": 7}' --delay 10m
    qctl job enqueue stock-check --unique nightly -o name
    """,
    changes=True,
)
def enqueue(
    session: Session,
    name: Annotated[str, typer.Argument(metavar="NAME", show_default=False, help="Name of the job in the catalog.")],
    arguments: Annotated[
        list[str] | None,
        typer.Argument(metavar="[KEY=VALUE]...", show_default=False, help="Its arguments; JSON values, else text."),
    ] = None,
    data: Annotated[
        str | None, typer.Option(metavar="JSON", help="Its arguments as a JSON object; - reads it from stdin.")
    ] = None,
    delay: Annotated[str | None, typer.Option(metavar="TIME", help="Run it after: 90s, 30m, 2d.")] = None,
    at: Annotated[str | None, typer.Option(metavar="TIME", help="Run it at: 2026-11-22T14:05:00Z.")] = None,
    priority: Annotated[int | None, typer.Option(metavar="N", help="1 high, 5 normal, 10 low.")] = None,
    attempts: Annotated[int | None, typer.Option(min=0, metavar="N", help="Retries after the first run.")] = None,
    unique: Annotated[
        str | None, typer.Option(metavar="KEY", help="Make none while one of this name and key is remembered.")
    ] = None,
    owner: Annotated[str | None, typer.Option(metavar="NAME", help="Whose job it is.")] = None,
    trace_id: Annotated[
        str | None, typer.Option(metavar="ID", help="Trace id of its events; default: $QCTL_TRACE_ID, or a new one.")
    ] = None,
) -> None:
    """Make a job, and print its id."""
    how: dict[str, Any] = {
        "delay": None if delay is None else durations.parse(delay, "--delay"),
        "at": None if at is None else _time(at),
        "priority": priority,
        "attempts": attempts,
        "unique": unique,
        "owner": owner,
        "trace_id": trace_id or session.settings.trace_id,
    }
    given = {option: value for option, value in how.items() if value is not None}
    job_id = session.ops.jobs.enqueue(name, _arguments(arguments or [], data), **given)
    document = documents.enqueued(job_id, name)
    session.out.report(document, [Cell(job_id, "good"), Cell(f"  wait for it: qctl job wait {quote(job_id)}", "dim")])


def _arguments(pairs: list[str], data: str | None) -> dict[str, Any]:
    """The job's arguments by name. Raises UsageError quoting what cannot be read."""
    text = "{}" if data is None else (sys.stdin.read() if sys.stdin else "") if data == STDIN else data
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"--data is not JSON: {error}") from None
    if not isinstance(found, dict):
        raise UsageError("--data is not a JSON object", 'write it like {"userName": "Ada"}')
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not (name and equals):
            raise UsageError(f"{pair!r} is not KEY=VALUE")
        found[name] = _value(value)
    return found


def _value(text: str) -> Any:
    """`7` and `[1, 2]` as JSON says, all else as the text that it is."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _time(text: str) -> datetime:
    # Python 3.10 does not know that Z is UTC.
    try:
        when = datetime.fromisoformat(f"{text[:-1]}+00:00" if text.endswith("Z") else text)
    except ValueError:
        when = None
    if when is None or when.tzinfo is None:
        raise UsageError(f"--at: {text!r} is not a time with a zone", "write it like 2026-11-22T14:05:00Z")
    return when


# --- stop and edit ------------------------------------------------------------------------------------------


@command("stop", examples="qctl job stop 6f1c0a52-93f1-4d0e-a0f5-0d3d8b7f4c11", changes=True)
def stop(
    session: Session,
    job_id: Id,
    timeout: Annotated[str, typer.Option(metavar="TIME", help="Most to wait until it has stopped.")] = "10s",
) -> None:
    """Stop a job that runs: it becomes a dead letter. Exits 7 where its worker does not obey."""
    ended = session.ops.jobs.stop(job_id, timeout=durations.parse(timeout, "--timeout"))
    verb = "stopped" if ended.status == "stopped" else f"ended by itself: it is {ended.status}"
    line = Cell(
        f"job {ended.id} of {ended.queue} {verb}, {view.duration(ended.seconds)} after its worker was told", "good"
    )
    again = [Cell(f"  run it again: qctl retry {quote(ended.id)}", "dim")] if ended.status == "stopped" else []
    session.out.report(documents.job_stopped(ended), [line, *again])


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
        typer.Option(metavar="JSON", help="Any of function, args and kwargs; without it, $EDITOR is opened."),
    ] = None,
    revert: Annotated[bool, typer.Option("--revert", help="Give back the payload before the first edit.")] = False,
    retry: Annotated[bool, typer.Option("--retry", help="Then run the dead letter again.")] = False,
    reveal: Annotated[bool, typer.Option("--reveal", help="Show passwords and tokens too, not ***.")] = False,
) -> ExitCode | None:
    """Change what a job is called with, and keep what it was called with before. Pickled payloads are refused."""
    if revert and data is not None:
        raise UsageError("--data and --revert exclude each other")
    jobs = session.ops.jobs
    job = jobs.editable(job_id)
    if revert:
        edited = jobs.revert(job)
    else:
        edited = jobs.edit(job, edit_text(job.text, ".json", "--data JSON") if data is None else data)
    again = jobs.retry(jobs.choose("retry", Selector(ids=(job_id,)))) if retry else None
    shown = edited if reveal else redaction.edited(edited)
    lines = [Cell(f"job {job_id} of {edited.queue}: {'edited' if edited.changed else 'nothing was changed'}", "good")]
    if edited.changed:
        lines += [Cell("before", "dim"), Cell(shown.before), Cell("after", "dim"), Cell(shown.after)]
        lines += [] if revert else [Cell(f"  undo: {quoted(['qctl', 'job', 'edit', job_id, '--revert'])}", "dim")]
    if again:
        lines.append(Cell("it runs again", "good") if again.done else Cell(again.outcomes[0].detail, "bad"))
    session.out.report(documents.edited(shown, bool(again and again.done)), lines)
    return ExitCode.PARTIAL if again and not again.done else None
