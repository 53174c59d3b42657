"""What happened, and who did what: `qctl events`, `qctl audit`."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime, timezone
from typing import Annotated

import typer

from qctl import durations, view
from qctl.cli import documents
from qctl.cli.command import command
from qctl.cli.session import Session
from qctl.errors import QctlError
from qctl.models import Event, EventFilter

NO_EVENTS = "Nothing of that is in the event stream, which keeps the last 100,000 events."
NO_ACTS = "Nobody did any of that, as far as the audit goes back."

Since = Annotated[str | None, typer.Option(metavar="TIME", help="Only of the last: 90s, 30m, 1h30m, 2d.")]
Limit = Annotated[int, typer.Option("--limit", min=1, metavar="N", help="Show the last N of them.")]


@command(
    "events",
    examples="qctl events --since 10m\nqctl events --follow --queue 'email*'\nqctl events --event dead,quarantined",
)
def events(
    session: Session,
    queue: Annotated[str | None, typer.Option(metavar="QUEUE", help="Of this queue and its lanes, or a glob.")] = None,
    event: Annotated[
        list[str] | None, typer.Option("--event", metavar="NAME", help="Only these: finished, dead ... (also a,b).")
    ] = None,
    job: Annotated[str | None, typer.Option("--job", metavar="ID", help="Of this job.")] = None,
    trace: Annotated[str | None, typer.Option("--trace", metavar="ID", help="Of all jobs of this trace.")] = None,
    since: Since = None,
    limit: Limit = 50,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on with what happens, a line each, until Ctrl-C.")
    ] = False,
) -> None:
    """Show what happened to queues, jobs and workers, oldest first."""
    ago = None if since is None else durations.parse(since, "--since")
    names = tuple(name.strip() for given in event or () for name in given.split(",") if name.strip())
    wanted = EventFilter(queue, names, job, trace)
    operations = session.ops.events
    last = operations.last_id() if follow else ""
    found = operations.list(wanted, since=ago, limit=limit)
    now = datetime.now(timezone.utc)
    if not follow:
        session.out.listing(documents.events(found), view.Table(view.event_columns(now), found, NO_EVENTS))
        return

    def wait(error: QctlError, seconds: float) -> None:
        session.out.say(f"qctl: {error.message}; asking again in {seconds:.0f} s")
        time.sleep(seconds)

    _print(session, found, first=True)
    for news in operations.follow(wanted, after=last, away=wait):
        _print(session, news, first=False)


def _print(session: Session, found: Sequence[Event], *, first: bool) -> None:
    now = datetime.now(timezone.utc)
    lines = [view.event_line(event, now) for event in found]
    session.out.endless(documents.events(found), lines, first=first)


@command("audit", examples="qctl audit --since 2d\nqctl audit --command clear --actor alice\nqctl audit -o csv")
def audit(
    session: Session,
    actor: Annotated[str | None, typer.Option(metavar="WHO", help="Only by these: a part of user@host.")] = None,
    act: Annotated[str | None, typer.Option("--command", metavar="VERB", help="Only this: clear, dlq retry.")] = None,
    outcome: Annotated[
        str | None, typer.Option(metavar="HOW", help="Only those that ended so: done, refused, failed.")
    ] = None,
    trace: Annotated[str | None, typer.Option("--trace", metavar="ID", help="Only of the request of this id.")] = None,
    since: Since = None,
    limit: Limit = 50,
) -> None:
    """Show who changed what, from which host, with which command line, and how it ended."""
    found = session.ops.audit.list(
        actor=actor,
        command=act,
        outcome=outcome,
        trace=trace,
        since=None if since is None else durations.parse(since, "--since"),
        limit=limit,
    )
    now = datetime.now(timezone.utc)
    columns = view.audit_columns(now, traced=any(act.trace for act in found))
    session.out.listing(documents.audit(found), view.Table(columns, found, NO_ACTS))
