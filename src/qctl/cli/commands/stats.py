"""`qctl stats`: all queues, or the jobs of queues by name."""

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
    from qctl.ops.observed_rates import ObservedRates

EXAMPLES = """
qctl stats
qctl stats 'email*' sensor-data
qctl stats --watch 2s
qctl stats email --names --since 1h
qctl stats --lanes --json
"""


@command("stats", examples=EXAMPLES, fleet=True)
def stats(
    session: Session,
    queues: Annotated[
        list[str] | None,
        typer.Argument(metavar="[QUEUE]...", show_default=False, help="Queue names or globs. Default: all."),
    ] = None,
    lanes: Annotated[
        bool, typer.Option("--lanes", help="One row for each lane: email.high, email, email.low.")
    ] = False,
    names: Annotated[bool, typer.Option("--names", help="Jobs by name instead of queues.")] = False,
    since: Annotated[
        str | None, typer.Option("--since", metavar="TIME", help="Period of --names, at most 2d. Default: 1h.")
    ] = None,
    interval: Annotated[
        str | None, typer.Option("--watch", metavar="TIME", help="Interval to refresh until Ctrl-C: 2s.")
    ] = None,
) -> None:
    """Show depth, age, rates, errors and workers of every queue.

    Also shows wait and run times, and pauses. With --watch it measures rates, errors and the ETA of stock workers too,
    from what changes between readings.
    """
    if interval is not None and session.is_member:
        raise UsageError("--watch takes exactly one context", "read all of them once: omit --watch")
    if since and not names:
        raise UsageError("--since needs --names")
    seconds = durations.parse(since or "1h", "--since", min_seconds=60.0)

    observed: ObservedRates | None = None
    if interval is not None:
        from qctl.ops.observed_rates import ObservedRates  # imports redis and rq

        observed = ObservedRates()

    def show() -> None:
        if names:
            _show_names(session, session.ops.stats.names(queues or (), seconds))
        else:
            read = session.ops.stats.read()
            _show_queues(session, observed.add_to(read) if observed else read, queues or (), lanes)

    if interval is None:
        show()
    else:
        watch.repeat(session.out, durations.parse(interval, "--watch", min_seconds=0.1), show)


def _show_queues(session: Session, stats: Stats, patterns: Sequence[str], lanes: bool) -> None:
    from qctl.ops.stats import fold_lanes  # imports redis and rq

    if stats.hidden:
        session.out.say(stats.hidden)
    shown = stats if lanes else fold_lanes(stats)
    shown = _select(shown, stats, patterns) if patterns else shown.in_use
    empty = "No matching queues." if patterns else view.NO_QUEUE
    footer = [Cell(""), Cell(view.totals_line(shown))]
    session.out.listing(documents.stats(shown), view.Table(view.queue_columns(shown.at), shown.queues, empty, footer))


def _select(shown: Stats, stats: Stats, patterns: Sequence[str]) -> Stats:
    """Return the matching queues with their totals, and lanes that are named in full. Raises NotFoundError for a name
    that no queue has."""
    from qctl.ops.selection import select_queues  # imports redis and rq

    rows = {queue.name: queue for queue in (*stats.queues, *shown.queues)}
    named = {pattern for pattern in patterns if pattern in rows}
    globs = [pattern for pattern in patterns if pattern not in rows]
    selected = named.union(*(select_queues(pattern, [queue.name for queue in shown.queues]) for pattern in globs))
    queues = [queue for name, queue in sorted(rows.items()) if name in selected]
    return replace(shown, queues=queues, totals=Totals.of(queues))


def _show_names(session: Session, names: Names) -> None:
    sampled = names.sampled < names.waiting
    estimate = f"; waiting is estimated from {names.sampled} of {names.waiting} jobs" if sampled else ""
    note = f"runs of the last {view.duration(names.seconds)} in qctl's workers{estimate}"
    empty = "No waiting jobs, and no runs in qctl's workers."
    table = view.Table(view.job_name_columns(), names.jobs, empty, [Cell(""), Cell(note, "dim")])
    session.out.listing(documents.stats_names(names), table)
