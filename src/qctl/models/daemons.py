"""Daemons as units of systemd."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Daemon:
    """One unit of qctl. `name` is its short name, `active` and `sub` are systemd's words for its state.

    `memory` is in bytes, None if not measured; `restarts` counts since the machine started; `since` is the start of the
    state; `said` is the last status text of the daemon.
    """

    name: str
    unit: str
    active: str
    sub: str
    enabled: str
    pid: int | None
    since: datetime | None
    restarts: int
    memory: int | None
    said: str
    busy: bool = False
    """True while systemd has a pending job for the unit."""

    @property
    def is_stable(self) -> bool:
        """True if the unit is neither starting nor stopping."""
        return not self.busy and self.active not in ("activating", "deactivating", "reloading")
