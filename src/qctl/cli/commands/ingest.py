"""`qctl ingest status|topics|tail|push|flush`. `rejects` has the commands on rejected messages and rows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timezone
from enum import Enum
from typing import Annotated

import typer

from qctl import durations, view
from qctl.cli import documents, watch
from qctl.cli.command import command
from qctl.cli.exit_codes import ExitCode
from qctl.cli.input_files import STDIN, open_input, read_lines, rejected_lines
from qctl.cli.session import Session
from qctl.models import Arrivals, FlushResult, PipelineStatus, SourceStatus, Topics
from qctl.view import Cell, quantity

Pipelines = Annotated[
    list[str] | None,
    typer.Argument(metavar="[PIPELINE]...", show_default=False, help="readings or messages. Default: both."),
]


class TopicSort(str, Enum):
    """Sort keys of topics, the largest value first."""

    SEEN = "seen"
    RATE = "rate"
    RECEIVED = "received"
    REJECTED = "rejected"
    LAG = "lag"


@command("status", examples="qctl ingest status\nqctl ingest status --watch 2s\nqctl ingest status readings --json")
def status(
    session: Session,
    pipelines: Pipelines = None,
    interval: Annotated[
        str | None, typer.Option("--watch", metavar="TIME", help="Interval to refresh until Ctrl-C: 2s.")
    ] = None,
) -> None:
    """Show rate, buffer, lag, rejects and sources of each pipeline."""

    def show() -> None:
        statuses = [each for each in session.ops.ingest.status(pipelines or ()) if each.is_used or pipelines]
        sources = session.ops.ingest.sources()
        columns = view.pipeline_columns(datetime.now(timezone.utc))
        table = view.Table(columns, statuses, view.NO_PIPELINE, _status_footer(statuses, sources))
        session.out.listing(documents.ingest_status(statuses, sources), table)

    if interval is None:
        show()
    else:
        watch.repeat(session.out, durations.parse(interval, "--watch", min_seconds=0.1), show)


def _status_footer(pipelines: Sequence[PipelineStatus], sources: Sequence[SourceStatus]) -> list[Cell]:
    now = datetime.now(timezone.utc)
    lost = [_lost_sessions(pipeline, now) for pipeline in pipelines if pipeline.sessions_lost]
    lost += [_drops(pipeline, now) for pipeline in pipelines if pipeline.broker_dropped]
    hint = "details: qctl ingest topics   qctl ingest tail   qctl ingest rejects list"
    return [Cell(""), *map(view.source_line, sources), *lost, Cell(hint, "dim")]


def _lost_sessions(pipeline: PipelineStatus, now: datetime) -> Cell:
    count = quantity(pipeline.sessions_lost, "session")
    age = view.age(pipeline.session_lost_at, now)
    return Cell(f"{pipeline.name}: the broker lost {count}, last {age} ago", "warn")


def _drops(pipeline: PipelineStatus, now: datetime) -> Cell:
    count = quantity(pipeline.broker_dropped, "message")
    age = view.age(pipeline.broker_dropped_at, now)
    return Cell(f"{pipeline.name}: the broker dropped {count} of any client, last {age} ago", "warn")


@command(
    "topics", examples="qctl ingest topics\nqctl ingest topics 'sensors/hall*' --sort lag\nqctl ingest topics -o csv"
)
def topics(
    session: Session,
    pattern: Annotated[
        str | None, typer.Argument(metavar="[TOPIC]", show_default=False, help="Topic or glob. Default: all.")
    ] = None,
    sort: Annotated[
        TopicSort, typer.Option(metavar="KEY", help="Sort key: seen, rate, received, rejected or lag; largest first.")
    ] = TopicSort.SEEN,
    limit: Annotated[int, typer.Option(min=1, metavar="N", help="Maximum number of rows.")] = 50,
) -> None:
    """Show rate, counts, last message and lag of each MQTT topic."""
    page = session.ops.ingest.topics(pattern, sort=sort.value, limit=limit)
    columns = view.topic_columns(datetime.now(timezone.utc))
    empty = (
        "No matching topics."
        if pattern
        else "No MQTT messages yet. Is qctl-mqtt-bridge running? Ask: qctl ingest status"
    )
    table = view.Table(columns, page.topics, empty, _topics_footer(page))
    session.out.listing(documents.ingest_topics(page), table)


def _topics_footer(page: Topics) -> list[Cell]:
    shown = len(page.topics)
    if shown == page.matching:
        return []
    return [Cell(""), Cell(f"{shown} of {page.matching}; all with --limit {page.matching}")]


@command("tail", examples="qctl ingest tail\nqctl ingest tail readings -o jsonl")
def tail(session: Session, pipelines: Pipelines = None) -> None:
    """Show items as they arrive, until Ctrl-C.

    The first items appear within one second.
    """
    first = True
    for arrivals in session.ops.ingest.tail(pipelines or (), on_disconnect=session.wait_to_reconnect):
        if arrivals.items or first:
            _print(session, arrivals, first=first)
            first = False


def _print(session: Session, arrivals: Arrivals, *, first: bool) -> None:
    lines = [view.arrival_line(arrival) for arrival in arrivals.items]
    session.out.stream(documents.ingest_tail(arrivals.items), lines, first=first)
    if more := arrivals.count - len(arrivals.items):
        session.out.say(f"and {more} more at the same time")


@command(
    "push",
    examples="qctl ingest push messages messages.jsonl\nqctl ingest push readings - --topic sensors/attic",
    changes=True,
)
def push(
    session: Session,
    pipeline: Annotated[str, typer.Argument(metavar="PIPELINE", show_default=False, help="readings or messages.")],
    file: Annotated[str, typer.Argument(metavar="[FILE]", help="File of JSON lines; - reads stdin.")] = STDIN,
    topic: Annotated[
        str | None,
        typer.Option(metavar="TOPIC", help="Topic of all readings. Default: each line is {topic, payload}."),
    ] = None,
) -> ExitCode:
    """Ingest JSON lines from stdin or a file, as from a device."""
    with open_input(file) as stream, session.out.progress("ingesting") as progress:
        result = session.ops.ingest.push(pipeline, read_lines(stream), topic=topic, progress=progress)
    lines = [Cell(f"{quantity(result.taken, 'item')} ingested", "good" if result.taken else "")]
    lines += rejected_lines(result.lines, result.refused)
    session.out.report(documents.ingest_push(pipeline, result), lines)
    if not result.refused:
        return ExitCode.DONE
    return ExitCode.PARTIAL if result.taken else ExitCode.FAILED


@command("flush", examples="qctl ingest flush\nqctl ingest flush messages", changes=True)
def flush(session: Session, pipelines: Pipelines = None) -> None:
    """Flush the buffers into batches now, whatever their size."""
    results = session.ops.ingest.flush(pipelines or ())
    session.out.report(documents.ingest_flush(results), [_flushed(result) for result in results])


def _flushed(result: FlushResult) -> Cell:
    left = f"; {result.left} remain in the buffer: {result.queue} is full" if result.left else ""
    return Cell(f"{result.pipeline}: {quantity(result.items, 'item')} to {result.queue}{left}", "warn" if left else "")
