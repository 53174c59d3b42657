"""`qctl stats`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated

import typer

from qctl import view
from qctl.cli import documents
from qctl.cli.command import command
from qctl.cli.session import Session
from qctl.models import Stats, Totals
from qctl.view import Cell

EMPTY = "No queues yet: a queue appears with its first job. Is this your Redis? Name another with REDIS_URL."


@command("stats", examples="qctl stats\nqctl stats 'email*' sensor-data\nqctl stats --json")
def stats(
    session: Session,
    queues: Annotated[
        list[str] | None, typer.Argument(metavar="[QUEUE]...", show_default=False, help="Names or globs. Default: all.")
    ] = None,
) -> None:
    """Show every queue: depth, age, rates, workers, pauses."""
    found = session.ops.stats.read()
    if queues:
        found = _only(found, queues)
    empty = "No queue matches." if queues else EMPTY
    footer = [Cell(""), Cell(view.totals(found))]
    session.out.listing(documents.stats(found), view.Table(view.queue_columns(found.at), found.queues, empty, footer))


def _only(found: Stats, patterns: Sequence[str]) -> Stats:
    """The queues that are meant, and their totals. Raises NotFoundError for a name that no queue has."""
    from qctl.ops.selection import select  # brings redis and rq

    names = [queue.name for queue in found.queues]
    chosen = {name for pattern in patterns for name in select(pattern, names)}
    queues = [queue for queue in found.queues if queue.name in chosen]
    return replace(found, queues=queues, totals=Totals.of(queues))
