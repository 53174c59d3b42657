"""`qctl stats`: every queue, or what queues are busy with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from qctl import durations, view
from qctl.cli import documents, watch
from qctl.cli.command import command
from qctl.cli.session import Session
from qctl.errors import UsageError
from qctl.models import Totals
from qctl.view import Cell

if TYPE_CHECKING:
    from qctl.models import Names, Stats

EMPTY = "No queues yet: a queue appears with its first job. Is this your Redis? Name another with REDIS_URL."

EXAMPLES = """
qctl stats
qctl stats 'email*' sensor-data
qctl stats --watch 2s
qctl stats email --names --since 1h
qctl stats --lanes --json
"""


@command("stats", examples=EXAMPLES)
def stats(
    session: Session,
    queues: Annotated[
        list[str] | None, typer.Argument(metavar="[QUEUE]...", show_default=False, help="Names or globs. Default: all.")
    ] = None,
    lanes: Annotated[
        bool, typer.Option("--lanes", help="Lanes in rows of their own: email.high, email, email.low.")
    ] = False,
    names: Annotated[bool, typer.Option("--names", help="What the queues are busy with: jobs by their name.")] = False,
    since: Annotated[
        str | None, typer.Option("--since", metavar="TIME", help="With --names: count runs of the last 1h, at most 2d.")
    ] = None,
    every: Annotated[
        str | None, typer.Option("--watch", metavar="TIME", help="Show it again every 2s, in place, until Ctrl-C.")
    ] = None,
) -> None:
    """Show every queue: depth, age, rates, errors, how long jobs wait and run, workers, pauses."""
    if since and not names:
        raise UsageError("--since goes with --names")
    seconds = durations.parse(since or "1h", "--since", shortest=60.0)

    def show() -> None:
        if names:
            _show_names(session, session.ops.stats.names(queues or (), seconds))
        else:
            _show_queues(session, session.ops.stats.read(), queues or (), lanes)

    if every is None:
        show()
    else:
        watch.repeat(session.out, durations.parse(every, "--watch", shortest=0.1), show)


def _show_queues(session: Session, found: Stats, patterns: Sequence[str], lanes: bool) -> None:
    from qctl.ops.stats import folded  # brings redis and rq

    shown = found if lanes else folded(found)
    if patterns:
        shown = _only(shown, found, patterns)
    empty = "No queue matches." if patterns else EMPTY
    footer = [Cell(""), Cell(view.totals_line(shown))]
    session.out.listing(documents.stats(shown), view.Table(view.queue_columns(shown.at), shown.queues, empty, footer))


def _only(shown: Stats, every: Stats, patterns: Sequence[str]) -> Stats:
    """The queues that are meant, and their totals; a lane where it is named. Raises NotFoundError for a name that no
    queue has."""
    from qctl.ops.selection import select  # brings redis and rq

    rows = {queue.name: queue for queue in (*every.queues, *shown.queues)}
    named = {pattern for pattern in patterns if pattern in rows}
    globs = [pattern for pattern in patterns if pattern not in rows]
    chosen = named.union(*(select(pattern, [queue.name for queue in shown.queues]) for pattern in globs))
    queues = [queue for name, queue in sorted(rows.items()) if name in chosen]
    return replace(shown, queues=queues, totals=Totals.of(queues))


def _show_names(session: Session, found: Names) -> None:
    sampled = "" if found.sampled >= found.waiting else f"; waiting: estimated from {found.sampled} of {found.waiting}"
    footer = [Cell(""), Cell(f"runs of the last {view.duration(found.seconds)} in qctl's workers{sampled}", "dim")]
    empty = "Nothing waits, and nothing ran in qctl's workers."
    session.out.listing(documents.names(found), view.Table(view.job_name_columns(), found.jobs, empty, footer))
