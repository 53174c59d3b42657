"""`qctl up`: everything on this machine, in the foreground."""

from __future__ import annotations

import typer

from qctl.cli.command import command
from qctl.cli.session import Session


@command("up", examples="qctl up\nqctl up --home ./var", changes=True, here=True)
def up(session: Session) -> None:
    """Run everything here, in the foreground, until Ctrl-C.

    Redis and an MQTT broker where the settings name none, the MQTT bridge, workers and the scheduler.
    """
    from qctl.stack.run import run_stack  # brings process management, which its help does not need

    raise typer.Exit(run_stack(session.settings))
