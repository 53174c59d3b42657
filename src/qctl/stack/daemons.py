"""The daemons of the catalog as programs of the stack."""

from __future__ import annotations

import re

from qctl.catalog import DAEMONS
from qctl.settings import Settings
from qctl.stack.program import Program, Stage
from qctl.stack.servers import installed

_STAMP = re.compile(r"^\d\d:\d\d:\d\d (info +)?")


def daemons(settings: Settings) -> list[Program]:
    """Every daemon that these settings require. Raises SettingsError if one is not installed."""
    return [
        Program(
            name=spec.name,
            command=(installed(spec.command[0]), *spec.command[1:]),
            stage=Stage.DAEMON,
            where=spec.purpose,
            tidy=_tidy,
        )
        for spec in DAEMONS.values()
        if spec.name not in _switched_off(settings)
    ]


def _switched_off(settings: Settings) -> set[str]:
    """The daemons that would end at once because they have nothing to do; without queues, those that serve queues."""
    sources = {"mqtt-bridge": settings.mqtt_enabled, "socket-batcher": settings.socket_enabled}
    idle = set() if settings.cache_enabled else DAEMONS.keys() - sources.keys()
    wanted = {**sources, "gateway": settings.gateway_enabled}
    return idle | {name for name, enabled in wanted.items() if not enabled}


def _tidy(line: str) -> str:
    """Remove the time, which the prefix has already, and the level if it says nothing."""
    return _STAMP.sub("", line)
