"""The option --profile, of commands that start from a profile's defaults. `Session` reads its value."""

from __future__ import annotations

from enum import Enum

import typer


class ProfileName(str, Enum):
    """Names of `qctl.settings.profiles.PROFILES`."""

    QUEUECRAFT = "queuecraft"
    DASHBOARD = "dashboard"
    CHAT = "chat"
    SOCKETS = "sockets"
    PLANNING = "planning"


PROFILE = typer.Option("--profile", metavar="NAME", help=f"Defaults of a replaced system: {', '.join(ProfileName)}.")
