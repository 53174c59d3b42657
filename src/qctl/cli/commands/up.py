"""`qctl up`: the whole stack on this machine, in the foreground."""

from __future__ import annotations

from typing import Annotated

import typer

from qctl import extras
from qctl.cli.command import command
from qctl.cli.profile_option import PROFILE, ProfileName
from qctl.cli.session import Session


@command("up", examples="qctl up\nqctl up --home ./var\nqctl up --profile queuecraft", changes=True, local=True)
def up(
    session: Session,
    profile: Annotated[ProfileName | None, PROFILE] = None,  # noqa: ARG001 - the session has read it
) -> None:
    """Run the whole stack on this machine until Ctrl-C.

    Starts the MQTT bridge, workers and the scheduler, and Redis and an MQTT broker unless settings name them.
    """
    stack = extras.load("qctl.stack.run", extra="up", needed_by="qctl up")
    raise typer.Exit(stack.run_stack(session.settings))
