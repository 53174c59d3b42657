"""Daemons as a supervisor keeps them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Daemon:
    """One unit of qctl's. `name` is what a person calls it, `active` and `sub` are systemd's words for its state.

    `memory` in bytes, None where nobody counts it; `restarts` since the machine started, `since` of the state; `said`
    is what the daemon last said of itself.
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
    """Whether systemd has still to do with it what it was asked."""

    @property
    def settled(self) -> bool:
        """Whether it is neither on its way up nor on its way down."""
        return not self.busy and self.active not in ("activating", "deactivating", "reloading")
