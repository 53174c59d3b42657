"""`qctl job enqueue`: creates a job by its name, or a plain RQ job. `qctl job types`: lists the names."""

from __future__ import annotations

import json
import sys
from datetime import datetime, timedelta, timezone
from shlex import quote
from typing import Annotated, Any

import typer

from qctl import durations, view
from qctl.cli import documents
from qctl.cli.command import command
from qctl.cli.help_format import PLAIN_JOB
from qctl.cli.input_files import STDIN
from qctl.cli.session import Session
from qctl.errors import UsageError
from qctl.view import Cell

DEFAULT_QUEUE = "default"
"""RQ's default queue, for plain jobs."""


@command("types", examples="qctl job types\nqctl job types --all -o name")
def list_types(
    session: Session,
    everything: Annotated[bool, typer.Option("--all", help="Also jobs that no running worker would take.")] = False,
) -> None:
    """List the jobs that can be enqueued by name, with arguments.

    Jobs of qctl's own catalog are listed if a worker listens to their queue. A plain RQ function needs no entry here:
    see `qctl job enqueue --function`.
    """
    known = session.ops.jobs.types()
    types = known if everything else [each for each in known if each.workers]
    empty = "No worker listens to a queue of these jobs. List all: qctl job types --all. A plain function: "
    table = view.Table(view.job_type_columns(), types, f"{empty}qctl job enqueue --function PATH")
    session.out.listing(documents.job_types(types), table)


@command(
    "enqueue",
    examples="""
    qctl job enqueue welcome-email userEmail=ada@example.com userName=Ada
    qctl job enqueue generate-report --data '{"businessId": 7}' --delay 10m
    qctl job enqueue stock-check --unique nightly -o name
    qctl job enqueue --function tasks.add --args '[1, 2]' --queue default
    """,
    changes=True,
)
def enqueue(
    session: Session,
    name: Annotated[
        str | None,
        typer.Argument(metavar="NAME", show_default=False, help="Name of a job. List names with `qctl job types`."),
    ] = None,
    arguments: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[KEY=VALUE]...", show_default=False, help="Arguments, of the types that the job declares."
        ),
    ] = None,
    data: Annotated[
        str | None, typer.Option(metavar="JSON", help="Arguments as one JSON object; - reads stdin.")
    ] = None,
    function: Annotated[
        str | None,
        typer.Option(
            metavar="PATH",
            help="Instead of a name: dotted path of a function, for any RQ worker that can import it.",
            rich_help_panel=PLAIN_JOB,
        ),
    ] = None,
    args: Annotated[
        str | None,
        typer.Option(metavar="JSON", help="Positional arguments: '[1, 2]'.", rich_help_panel=PLAIN_JOB),
    ] = None,
    kwargs: Annotated[
        str | None,
        typer.Option(metavar="JSON", help="Keyword arguments: '{\"n\": 1}'.", rich_help_panel=PLAIN_JOB),
    ] = None,
    queue: Annotated[
        str | None,
        typer.Option(metavar="QUEUE", help="Queue of the function. Default: default.", rich_help_panel=PLAIN_JOB),
    ] = None,
    delay: Annotated[str | None, typer.Option(metavar="TIME", help="Delay before the run: 90s, 30m, 2d.")] = None,
    at: Annotated[str | None, typer.Option(metavar="TIME", help="Time of the run: 2026-11-22T14:05:00Z.")] = None,
    priority: Annotated[int | None, typer.Option(metavar="N", help="Priority: 1 (high) to 10 (low).")] = None,
    attempts: Annotated[int | None, typer.Option(min=0, metavar="N", help="Number of retries.")] = None,
    unique: Annotated[
        str | None, typer.Option(metavar="KEY", help="Deduplication key: no second job with this name and key.")
    ] = None,
    owner: Annotated[str | None, typer.Option(metavar="NAME", help="Owner of the job.")] = None,
    trace_id: Annotated[
        str | None, typer.Option(metavar="ID", help="Trace id of its events. Default: $QCTL_TRACE_ID, or a new one.")
    ] = None,
) -> None:
    """Create a job, and print its id.

    A plain job of --function has a JSON payload, or a pickled one if the jobs of its queue are pickled.
    """
    seconds = None if delay is None else durations.parse(delay, "--delay")
    time = None if at is None else _parse_time(at)
    options: dict[str, Any] = {
        "priority": priority,
        "attempts": attempts,
        "unique": unique,
        "owner": owner,
    }
    present = {option: value for option, value in options.items() if value is not None}
    if function is not None:
        if name is not None or arguments or data is not None or present or trace_id:
            raise UsageError("--function takes --args, --kwargs, --queue, --delay and --at alone")
        if seconds is not None and time is not None:
            raise UsageError("--delay cannot be combined with --at")
        if seconds is not None:
            time = datetime.now(timezone.utc) + timedelta(seconds=seconds)
        _enqueue_function(session, function, args, kwargs, queue or DEFAULT_QUEUE, time)
        return
    if args is not None or kwargs is not None or queue is not None:
        raise UsageError("--args, --kwargs and --queue need --function")
    if name is None:
        raise UsageError("a NAME or --function is missing", "list names with: qctl job types")
    timing = {"delay": seconds, "at": time, "trace_id": trace_id or session.settings.trace_id}
    present |= {option: value for option, value in timing.items() if value is not None}
    job_id = session.ops.jobs.enqueue(name, _parse_data(data), arguments or (), **present)
    session.out.report(documents.job_enqueue(job_id, name), _enqueued(job_id))


def _enqueue_function(
    session: Session, function: str, args: str | None, kwargs: str | None, queue: str, at: datetime | None
) -> None:
    positional = _parse_json(args or "[]", "--args", list, "[1, 2]")
    keywords = _parse_json(kwargs or "{}", "--kwargs", dict, '{"n": 1}')
    job = session.ops.jobs.enqueue_function(function, positional, keywords, queue=queue, at=at)
    if not job.workers:
        session.out.say(f"no worker listens to {queue!r}: the job waits; list workers with: qctl worker list")
    session.out.report(documents.job_enqueue(job.id, function), _enqueued(job.id))


def _enqueued(job_id: str) -> list[Cell]:
    return [Cell(job_id, "good"), Cell(f"  wait for it with: qctl job wait {quote(job_id)}", "dim")]


def _parse_json(text: str, option: str, kind: type[Any], example: str) -> Any:
    """Parse the JSON of an option. Raises UsageError quoting what is malformed."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{option} is not JSON: {error}", f"example: {example}") from None
    if not isinstance(value, kind):
        raise UsageError(f"{option} is not a JSON {'array' if kind is list else 'object'}", f"example: {example}")
    return value


def _parse_data(data: str | None) -> dict[str, Any]:
    """Parse --data into arguments by name. Raises UsageError quoting what is malformed."""
    text = "{}" if data is None else (sys.stdin.read() if sys.stdin else "") if data == STDIN else data
    arguments: dict[str, Any] = _parse_json(text, "--data", dict, '{"userName": "Ada"}')
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
