"""`qctl up`: the whole stack on this machine, in the foreground."""

from __future__ import annotations

from typing import Annotated

import typer

from qctl import extras
from qctl.cli.command import command
from qctl.cli.profile_option import PROFILE, ProfileName
from qctl.cli.session import Session
from qctl.errors import UsageError
from qctl.models import PoolSize


@command(
    "up",
    examples="qctl up\nqctl up --scale email=4 --scale report=1..3\nqctl up --profile queuecraft",
    changes=True,
    local=True,
)
def up(
    session: Session,
    profile: Annotated[ProfileName | None, PROFILE] = None,  # noqa: ARG001 - the session has read it
    scale: Annotated[
        list[str] | None,
        typer.Option(
            metavar="QUEUE=SIZE",
            show_default=False,
            help="Workers of a queue: 4, auto (one per processor), or bounds: 1..4. Repeatable.",
        ),
    ] = None,
) -> None:
    """Run the whole stack on this machine until Ctrl-C.

    Starts the MQTT bridge, workers and the scheduler, and Redis and an MQTT broker unless settings name them.
    """
    stack = extras.load("qctl.stack.run", extra="up", needed_by="qctl up")
    raise typer.Exit(stack.run_stack(session.settings, dict(map(_size, scale or ()))))


def _size(text: str) -> tuple[str, PoolSize]:
    queue, equals, size = text.partition("=")
    try:
        if queue and equals:
            return queue, PoolSize.parse(size)
    except ValueError as error:
        raise UsageError(f"--scale: {size!r} {error}") from None
    raise UsageError(f"--scale: {text!r} is not QUEUE=SIZE", "examples: email=4, report=1..3, email=auto")
