"""`qctl metrics show|chat`: metrics for people. `qctl metrics export`: metrics for Prometheus. `qctl metrics reset`."""

from __future__ import annotations

import os
import sys
import tempfile
from datetime import datetime, timezone
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from qctl import durations, view
from qctl.cli import documents, prompts
from qctl.cli.bulk_actions import Yes
from qctl.cli.command import command
from qctl.cli.output import Format, is_terminal
from qctl.cli.session import Session
from qctl.errors import QctlError, UnreachableError, UsageError
from qctl.models import Series, Step
from qctl.quantities import quantity
from qctl.view import Cell

NO_METRICS = "No metrics in this period: workers of qctl count them, for stock ones qctl-scheduler. Longer: --since 1d"

DEFAULT_STEPS = 12

MAX_LISTED_QUEUES = 3
"""Queues named under the table; more are counted."""


class Plot(str, Enum):
    """Metrics that can be plotted."""

    DEPTH = "depth"
    RATE = "rate"
    WAIT = "wait"
    RUN = "run"


EXAMPLES = """
qctl metrics show
qctl metrics show email --since 24h --step 1h
qctl metrics show email --plot wait
qctl metrics show --since 2h --json
"""


@command("show", examples=EXAMPLES)
def show(
    session: Session,
    queues: Annotated[
        list[str] | None,
        typer.Argument(metavar="[QUEUE]...", show_default=False, help="Queue names or globs. Default: all together."),
    ] = None,
    since: Annotated[str, typer.Option("--since", metavar="TIME", help="Period to show, at most 2d.")] = "1h",
    step: Annotated[
        str | None, typer.Option("--step", metavar="TIME", help="Length of a step. Default: 1/12 of the period.")
    ] = None,
    plot: Annotated[
        Plot | None,
        typer.Option("--plot", metavar="METRIC", help="Plot of a metric instead of a table: depth, rate, wait or run."),
    ] = None,
) -> None:
    """Show rates, depth, wait and run times over time."""
    seconds = durations.parse(since, "--since", min_seconds=60.0)
    length = durations.parse(step, "--step", min_seconds=60.0) if step else max(60.0, seconds / DEFAULT_STEPS)
    series = session.ops.metrics.series(queues or (), seconds=seconds, step=length)
    if plot is not None and session.out.format in (None, Format.TABLE):
        from qctl.cli.plotting import render_plot  # imports plotext

        colour = session.out.colour and is_terminal(sys.stdout)
        session.out.print(render_plot(series, plot.value, colour=colour))
        return
    session.out.listing(documents.metrics_show(series), _table(series))


def _table(series: Series) -> view.Table[Step]:
    many = len(series.queues) > MAX_LISTED_QUEUES
    queues = quantity(len(series.queues), "queue") if many else ", ".join(series.queues)
    note = f"steps of {view.duration(series.step)}, {queues}; the last step is incomplete"
    columns = view.metrics_columns(datetime.now(timezone.utc))
    return view.Table(columns, series.steps, NO_METRICS, [Cell(""), Cell(note, "dim")])


@command("chat", examples="qctl metrics chat\nqctl metrics chat --days 30 --json")
def chat(
    session: Session,
    days: Annotated[int, typer.Option("--days", metavar="N", help="Days to show, today included, at most 366.")] = 7,
) -> None:
    """Show sent, delivered and read chat messages by day.

    A message counts on the day (UTC) on which it was sent. It is delivered when it is in its receiver's inbox.
    """
    counts = session.ops.chat.deliveries(days=days)
    table = view.Table(view.chat_columns(), counts, "No chat messages in this period. Longer: --days 30")
    session.out.listing(documents.metrics_chat(counts), table)


@command("export", examples="qctl metrics export\nqctl metrics export --to qctl.prom")
def export(
    session: Session,
    to: Annotated[
        str | None, typer.Option("--to", metavar="FILE", help="File to replace atomically. Default: stdout.")
    ] = None,
) -> None:
    """Export all metrics in the text format of Prometheus.

    If Redis does not answer, the only metric is `qctl_redis_up 0`.
    """
    from qctl.view.prometheus import exposition

    if session.out.format is not None:
        raise UsageError("`metrics export` cannot be combined with -o or --json: its format is that of Prometheus")
    unreachable = None
    try:
        text = exposition(session.ops.metrics.read())
    except UnreachableError as error:
        text, unreachable = exposition(None), error
    if to is None:
        session.out.print(text)
    else:
        _replace(Path(to), text)
    if unreachable:
        raise unreachable


@command("reset", examples="qctl metrics reset\nqctl metrics reset --yes", changes=True)
def reset(session: Session, yes: Yes = False) -> None:
    """Set the counts since counting began to zero.

    These count created, ended, retried and refused jobs. Jobs stay, and so do the metrics of the last two days.
    Prometheus sees that its counters start again.
    """
    if not yes:
        prompts.confirm(session.out, "Set the counts of all queues to zero?")
    session.ops.metrics.reset()
    session.out.report(documents.metrics_reset(), [Cell("counts of all queues set to zero", "good")])


def _replace(path: Path, text: str) -> None:
    """Replace a file atomically: its readers never see a partial one."""
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with open(handle, "w") as file:
                file.write(text)
            os.chmod(name, 0o644)  # the collector runs as another user
            os.replace(name, path)
        except OSError:
            os.unlink(name)
            raise
    except OSError as error:
        raise QctlError(f"file {str(path)!r} cannot be written: {error.strerror}") from error
