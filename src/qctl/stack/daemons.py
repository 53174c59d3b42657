"""The daemons of the catalog as programs of the stack."""

from __future__ import annotations

import re

from qctl.catalog import DAEMONS
from qctl.settings import Settings
from qctl.stack.program import Program, Stage
from qctl.stack.servers import installed

MQTT_DAEMONS = ("mqtt-bridge",)
"""Those that have nothing to do where MQTT_ENABLED is false."""

_STAMP = re.compile(r"^\d\d:\d\d:\d\d (info +)?")


def daemons(settings: Settings) -> list[Program]:
    """Every daemon that these settings call for. Raises SettingsError where one is not installed."""
    return [
        Program(
            name=spec.name,
            command=(installed(spec.command[0]), *spec.command[1:]),
            stage=Stage.DAEMON,
            where=spec.purpose,
            tidy=_tidy,
        )
        for spec in DAEMONS.values()
        if settings.mqtt_enabled or spec.name not in MQTT_DAEMONS
    ]


def _tidy(line: str) -> str:
    """Without the time, which stands before it already, and with its level only where that says something."""
    return _STAMP.sub("", line)
