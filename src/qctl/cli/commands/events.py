"""`qctl events`: the event stream. `qctl audit`: the changes that users made."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timezone
from typing import Annotated

import typer

from qctl import durations, view
from qctl.cli import documents
from qctl.cli.command import command
from qctl.cli.session import Session
from qctl.models import Event, EventFilter

NO_EVENTS = "No matching events. The stream keeps the last 100,000."
NO_AUDIT_ENTRIES = "No matching audit entries: changes by commands, the monitor and the gateway are kept here."

Since = Annotated[str | None, typer.Option(metavar="TIME", help="Maximum age: 90s, 30m, 1h30m, 2d.")]
Limit = Annotated[int, typer.Option("--limit", min=1, metavar="N", help="Maximum number of rows, the newest.")]


@command(
    "events",
    examples="qctl events --since 10m\nqctl events --follow --queue 'email*'\nqctl events --event dead,quarantined",
)
def events(
    session: Session,
    queue: Annotated[str | None, typer.Option(metavar="QUEUE", help="Queue with its lanes, or glob.")] = None,
    event: Annotated[
        list[str] | None, typer.Option("--event", metavar="NAME", help="Events: finished, dead, ...; comma-separated.")
    ] = None,
    job: Annotated[str | None, typer.Option("--job", metavar="ID", help="Id of a job.")] = None,
    trace: Annotated[str | None, typer.Option("--trace", metavar="ID", help="Trace id of jobs.")] = None,
    since: Since = None,
    limit: Limit = 50,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Print new events until Ctrl-C.")] = False,
) -> None:
    """Show events of queues, jobs and workers, oldest first."""
    seconds = None if since is None else durations.parse(since, "--since")
    names = tuple(name.strip() for words in event or () for name in words.split(",") if name.strip())
    criteria = EventFilter(queue, names, job, trace)
    operations = session.ops.events
    last = operations.last_id() if follow else ""
    rows = operations.list(criteria, since=seconds, limit=limit)
    now = datetime.now(timezone.utc)
    if not follow:
        session.out.listing(documents.events(rows), view.Table(view.event_columns(now), rows, NO_EVENTS))
        return
    _print(session, rows, first=True)
    for news in operations.follow(criteria, after=last, on_disconnect=session.wait_to_reconnect):
        _print(session, news, first=False)


def _print(session: Session, rows: Sequence[Event], *, first: bool) -> None:
    now = datetime.now(timezone.utc)
    lines = [view.event_line(event, now) for event in rows]
    session.out.stream(documents.events(rows), lines, first=first)


@command("audit", examples="qctl audit --since 2d\nqctl audit --command clear --actor alice\nqctl audit -o csv")
def audit(
    session: Session,
    actor: Annotated[str | None, typer.Option(metavar="ACTOR", help="Part of user@host.")] = None,
    verb: Annotated[str | None, typer.Option("--command", metavar="VERB", help="Command: clear, dlq retry.")] = None,
    outcome: Annotated[
        str | None, typer.Option(metavar="OUTCOME", help="Outcome: done, partial, refused, failed.")
    ] = None,
    trace: Annotated[str | None, typer.Option("--trace", metavar="ID", help="Trace id of an HTTP request.")] = None,
    since: Since = None,
    limit: Limit = 50,
) -> None:
    """Show who changed what, from where, and how it ended."""
    entries = session.ops.audit.list(
        actor=actor,
        command=verb,
        outcome=outcome,
        trace=trace,
        since=None if since is None else durations.parse(since, "--since"),
        limit=limit,
    )
    now = datetime.now(timezone.utc)
    columns = view.audit_columns(now, traced=any(entry.trace for entry in entries))
    session.out.listing(documents.audit(entries), view.Table(columns, entries, NO_AUDIT_ENTRIES))
