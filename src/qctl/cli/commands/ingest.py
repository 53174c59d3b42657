"""The way of data into the queues: `qctl ingest status`, `topics`, `tail`, `push`, `flush`. What was refused is in
`rejects.py`."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime, timezone
from enum import Enum
from typing import Annotated

import typer

from qctl import durations, view
from qctl.cli import documents, watch
from qctl.cli.bulk import SHOWN
from qctl.cli.command import command
from qctl.cli.commands.transfer import opened, read_lines
from qctl.cli.exits import ExitCode
from qctl.cli.job_selectors import STDIN
from qctl.cli.session import Session
from qctl.errors import QctlError
from qctl.models import Arrivals, FlushResult, ImportResult, PipelineStatus, Topics
from qctl.view import Cell, quantity

Pipelines = Annotated[
    list[str] | None,
    typer.Argument(metavar="[PIPELINE]...", show_default=False, help="readings or messages. Default: all."),
]


class TopicSort(str, Enum):
    """What topics are sorted by, the largest first."""

    SEEN = "seen"
    RATE = "rate"
    RECEIVED = "received"
    REJECTED = "rejected"
    LAG = "lag"


@command("status", examples="qctl ingest status\nqctl ingest status --watch 2s\nqctl ingest status readings --json")
def status(
    session: Session,
    pipelines: Pipelines = None,
    every: Annotated[
        str | None, typer.Option("--watch", metavar="TIME", help="Show it again every 2s, in place, until Ctrl-C.")
    ] = None,
) -> None:
    """Show each pipeline: rate, buffer, last flush, lag, rejects, and whether its queue is held."""

    def show() -> None:
        found = session.ops.ingest.status(pipelines or ())
        columns = view.pipeline_columns(datetime.now(timezone.utc))
        session.out.listing(documents.ingest(found), view.Table(columns, found, "No pipelines.", _footer(found)))

    if every is None:
        show()
    else:
        watch.repeat(session.out, durations.parse(every, "--watch", shortest=0.1), show)


def _footer(found: Sequence[PipelineStatus]) -> list[Cell]:
    now = datetime.now(timezone.utc)
    lost = [_lost(each, now) for each in found if each.sessions_lost]
    hint = "more: qctl ingest topics   qctl ingest tail   qctl ingest rejects list"
    return [Cell(""), *lost, Cell(hint, "dim")]


def _lost(status: PipelineStatus, now: datetime) -> Cell:
    times = "once" if status.sessions_lost == 1 else f"{status.sessions_lost} times"
    ago = view.age(status.session_lost_at, now)
    return Cell(f"{status.name}: the broker forgot a session {times}, last {ago} ago", "warn")


@command(
    "topics", examples="qctl ingest topics\nqctl ingest topics 'sensors/hall*' --sort lag\nqctl ingest topics -o csv"
)
def topics(
    session: Session,
    pattern: Annotated[
        str | None, typer.Argument(metavar="[TOPIC]", show_default=False, help="A name or glob. Default: all.")
    ] = None,
    sort: Annotated[
        TopicSort, typer.Option(metavar="WHAT", help="seen, rate, received, rejected or lag, largest first.")
    ] = TopicSort.SEEN,
    limit: Annotated[int, typer.Option(min=1, metavar="N", help="Most to list.")] = 50,
) -> None:
    """Show each MQTT topic: rate, counts, last seen, how late its readings come."""
    found = session.ops.ingest.topics(pattern, sort=sort.value, limit=limit)
    columns = view.topic_columns(datetime.now(timezone.utc))
    none = "No topic matches." if pattern else "Nothing came by MQTT yet."
    session.out.listing(documents.topics(found), view.Table(columns, found.topics, none, _how_many(found)))


def _how_many(found: Topics) -> list[Cell]:
    shown = len(found.topics)
    if shown == found.matching:
        return []
    return [Cell(""), Cell(f"{shown} of {found.matching}; more with --limit {found.matching}")]


@command("tail", examples="qctl ingest tail\nqctl ingest tail readings -o jsonl")
def tail(session: Session, pipelines: Pipelines = None) -> None:
    """Show what is taken in as it comes, until Ctrl-C. Begins within a second."""

    def wait(error: QctlError, seconds: float) -> None:
        session.out.say(f"qctl: {error.message}; asking again in {seconds:.0f} s")
        time.sleep(seconds)

    first = True
    for arrivals in session.ops.ingest.tail(pipelines or (), away=wait):
        if arrivals.items or first:
            _print(session, arrivals, first=first)
            first = False


def _print(session: Session, arrivals: Arrivals, *, first: bool) -> None:
    lines = [view.arrival_line(each) for each in arrivals.items]
    session.out.endless(documents.arrivals(arrivals.items), lines, first=first)
    if more := arrivals.count - len(arrivals.items):
        session.out.say(f"and {more} more at once")


@command(
    "push",
    examples="qctl ingest push messages messages.jsonl\nqctl ingest push readings - --topic sensors/attic",
    changes=True,
)
def push(
    session: Session,
    pipeline: Annotated[str, typer.Argument(metavar="PIPELINE", show_default=False, help="readings or messages.")],
    file: Annotated[str, typer.Argument(metavar="[FILE]", help="Lines of JSON; - is stdin.")] = STDIN,
    topic: Annotated[
        str | None,
        typer.Option(metavar="TOPIC", help="That of all readings. Without it a line is {topic, payload}."),
    ] = None,
) -> ExitCode:
    """Take in lines of JSON from stdin or a file, as devices or clients would send them."""
    with opened(file) as stream, session.out.progress("pushing") as progress:
        result = session.ops.ingest.push(pipeline, read_lines(stream), topic=topic, progress=progress)
    session.out.report(documents.pushed(pipeline, result), _pushed(result))
    if not result.refused:
        return ExitCode.DONE
    return ExitCode.PARTIAL if result.taken else ExitCode.FAILED


def _pushed(result: ImportResult) -> list[Cell]:
    lines = [Cell(f"{quantity(result.taken, 'item')} taken in", "good" if result.taken else "")]
    lines += [Cell(f"  line {bad.line}: {bad.reason}", "bad") for bad in result.lines[:SHOWN]]
    if result.refused > SHOWN:
        lines.append(Cell(f"  and {result.refused - SHOWN} more lines: see more of them with --json", "bad"))
    return lines


@command("flush", examples="qctl ingest flush\nqctl ingest flush messages", changes=True)
def flush(session: Session, pipelines: Pipelines = None) -> None:
    """Make batches of all that is in the buffers now, however little that is."""
    found = session.ops.ingest.flush(pipelines or ())
    session.out.report(documents.flushed(found), [_flushed(each) for each in found])


def _flushed(flushed: FlushResult) -> Cell:
    left = f"; {flushed.left} stay, for {flushed.queue} has no room" if flushed.left else ""
    return Cell(
        f"{flushed.pipeline}: {quantity(flushed.items, 'item')} to {flushed.queue}{left}", "warn" if left else ""
    )
