"""`qctl up`: the whole stack on this machine, in the foreground."""

from __future__ import annotations

import typer

from qctl.cli.command import command
from qctl.cli.session import Session


@command("up", examples="qctl up\nqctl up --home ./var", changes=True, local=True)
def up(session: Session) -> None:
    """Run the whole stack on this machine until Ctrl-C.

    Starts the MQTT bridge, workers and the scheduler, and Redis and an MQTT broker unless settings name them.
    """
    from qctl.stack.run import run_stack  # imports process management, which help does not need

    raise typer.Exit(run_stack(session.settings))
