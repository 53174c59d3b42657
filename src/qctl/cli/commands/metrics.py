"""What was measured: `qctl metrics show` for a person, `qctl metrics export` for Prometheus."""

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
from qctl.cli import documents
from qctl.cli.command import command
from qctl.cli.output import Format, is_terminal
from qctl.cli.session import Session
from qctl.errors import QctlError, UnreachableError, UsageError
from qctl.models import Series, Step
from qctl.view import Cell

STEPS = 12
"""How many there are where nobody says how long they are."""


class Plot(str, Enum):
    """What may be plotted."""

    DEPTH = "depth"
    RATE = "rate"
    WAIT = "wait"
    RUN = "run"


SHOW = """
qctl metrics show
qctl metrics show email --since 24h --step 1h
qctl metrics show email --plot wait
qctl metrics show --since 2h --json
"""


@command("show", examples=SHOW)
def show(
    session: Session,
    queues: Annotated[
        list[str] | None,
        typer.Argument(metavar="[QUEUE]...", show_default=False, help="Names or globs. Default: all together."),
    ] = None,
    since: Annotated[str, typer.Option("--since", metavar="TIME", help="How far back, at most 2d.")] = "1h",
    step: Annotated[
        str | None, typer.Option("--step", metavar="TIME", help="Length of a step. Default: a twelfth of it.")
    ] = None,
    plot: Annotated[
        Plot | None, typer.Option("--plot", metavar="WHAT", help="Draw it instead: depth, rate, wait or run.")
    ] = None,
) -> None:
    """Show what queues did over time, together: what came and ended, how long jobs waited and ran."""
    seconds = durations.parse(since, "--since", shortest=60.0)
    length = durations.parse(step, "--step", shortest=60.0) if step else max(60.0, seconds / STEPS)
    found = session.ops.metrics.series(queues or (), seconds=seconds, step=length)
    if plot is not None and session.out.format in (None, Format.TABLE):
        from qctl.cli.plotting import plotted  # brings plotext

        session.out.print(plotted(found, plot.value, colour=session.out.colour and is_terminal(sys.stdout)))
        return
    session.out.listing(documents.series(found), _table(found))


def _table(found: Series) -> view.Table[Step]:
    many = f"{len(found.queues)} queues" if len(found.queues) > 3 else ", ".join(found.queues)
    footer = [Cell(""), Cell(f"steps of {view.duration(found.step)}, {many}; the last one goes on", "dim")]
    return view.Table(view.metrics_columns(datetime.now(timezone.utc)), found.steps, "Nothing was measured.", footer)


@command("export", examples="qctl metrics export\nqctl metrics export --to qctl.prom")
def export(
    session: Session,
    to: Annotated[
        str | None, typer.Option("--to", metavar="FILE", help="Replace this file in one step, and print nothing.")
    ] = None,
) -> None:
    """Print everything that is measured, in the text format of Prometheus. Without Redis: `qctl_redis_up 0`."""
    from qctl.view.prometheus import exposition

    if session.out.format is not None:
        raise UsageError("-o and --json do not go with `metrics export`: its format is that of Prometheus")
    trouble = None
    try:
        text = exposition(session.ops.metrics.read())
    except UnreachableError as error:
        text, trouble = exposition(None), error
    if to is None:
        session.out.print(text)
    else:
        _replace(Path(to), text)
    if trouble:
        raise trouble


def _replace(path: Path, text: str) -> None:
    """Put a whole file in the place of another: whoever reads it never finds half of it."""
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with open(handle, "w") as file:
                file.write(text)
            os.chmod(name, 0o644)  # whoever collects it is another user
            os.replace(name, path)
        except OSError:
            os.unlink(name)
            raise
    except OSError as error:
        raise QctlError(f"{str(path)!r} cannot be written: {error.strerror}") from error
