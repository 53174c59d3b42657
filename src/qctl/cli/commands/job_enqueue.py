"""`qctl job enqueue`: creates a job of the catalog."""

from __future__ import annotations

import json
import sys
from datetime import datetime
from shlex import quote
from typing import Annotated, Any

import typer

from qctl import durations
from qctl.cli import documents
from qctl.cli.command import command
from qctl.cli.input_files import STDIN
from qctl.cli.session import Session
from qctl.errors import UsageError
from qctl.view import Cell


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
    name: Annotated[str, typer.Argument(metavar="NAME", show_default=False, help="Name of a job in the catalog.")],
    arguments: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[KEY=VALUE]...", show_default=False, help="Arguments, of the types that the job declares."
        ),
    ] = None,
    data: Annotated[
        str | None, typer.Option(metavar="JSON", help="Arguments as one JSON object; - reads stdin.")
    ] = None,
    delay: Annotated[str | None, typer.Option(metavar="TIME", help="Delay before the run: 90s, 30m, 2d.")] = None,
    at: Annotated[str | None, typer.Option(metavar="TIME", help="Time of the run: 2026-11-22T14:05:00Z.")] = None,
    priority: Annotated[int | None, typer.Option(metavar="N", help="Priority: 1 high, 5 normal, 10 low.")] = None,
    attempts: Annotated[int | None, typer.Option(min=0, metavar="N", help="Number of retries.")] = None,
    unique: Annotated[
        str | None, typer.Option(metavar="KEY", help="Deduplication key: no second job with this name and key.")
    ] = None,
    owner: Annotated[str | None, typer.Option(metavar="NAME", help="Owner of the job.")] = None,
    trace_id: Annotated[
        str | None, typer.Option(metavar="ID", help="Trace id of its events. Default: $QCTL_TRACE_ID, or a new one.")
    ] = None,
) -> None:
    """Create a job, and print its id."""
    options: dict[str, Any] = {
        "delay": None if delay is None else durations.parse(delay, "--delay"),
        "at": None if at is None else _parse_time(at),
        "priority": priority,
        "attempts": attempts,
        "unique": unique,
        "owner": owner,
        "trace_id": trace_id or session.settings.trace_id,
    }
    present = {option: value for option, value in options.items() if value is not None}
    job_id = session.ops.jobs.enqueue(name, _parse_data(data), arguments or (), **present)
    lines = [Cell(job_id, "good"), Cell(f"  wait for it with: qctl job wait {quote(job_id)}", "dim")]
    session.out.report(documents.job_enqueue(job_id, name), lines)


def _parse_data(data: str | None) -> dict[str, Any]:
    """Parse --data into arguments by name. Raises UsageError quoting what is malformed."""
    text = "{}" if data is None else (sys.stdin.read() if sys.stdin else "") if data == STDIN else data
    try:
        arguments = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"--data is not JSON: {error}") from None
    if not isinstance(arguments, dict):
        raise UsageError("--data is not a JSON object", 'example: {"userName": "Ada"}')
    return arguments


def _parse_time(text: str) -> datetime:
    # Python 3.10 does not accept Z as UTC.
    try:
        time = datetime.fromisoformat(f"{text[:-1]}+00:00" if text.endswith("Z") else text)
    except ValueError:
        time = None
    if time is None or time.tzinfo is None:
        raise UsageError(f"--at: {text!r} is not a time with a time zone", "example: 2026-11-22T14:05:00Z")
    return time
