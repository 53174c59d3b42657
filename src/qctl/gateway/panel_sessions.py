"""The panel's sessions: monitors of the gateway's Redis, signed by the operator who logged in."""

from __future__ import annotations

import sys
from pathlib import Path

from qctl.settings import Settings
from qctl.web_terminal.sessions import Sessions

LOGIN_SECONDS = 3600
"""Seconds that a login to the panel is valid, unless the token that was exchanged for it expires before."""


def panel_sessions(settings: Settings) -> Sessions:
    """Sessions that show the Redis of the gateway's settings, and change nothing unless QCTL_GATEWAY_PANEL is `act`.

    The option `--read-only` precedes every setting, so neither QCTL_ALLOWED_COMMANDS nor a `.env` lifts it.
    """
    look_only = settings.read_only or settings.gateway_panel != "act"
    program = Path(sys.executable).with_name("qctl")
    environment = {
        "REDIS_URL": settings.redis_target,
        "QCTL_HOME": str(settings.home),
        "QCTL_READ_ONLY": str(look_only).lower(),
    }
    access = ("--read-only",) if look_only else ()
    return Sessions((str(program), "monitor", "--no-commands", *access), environment)
