"""The daemons of this machine, for the screen beside the workers: asked of systemd now and then, in a thread.

systemd may take as long as it likes, and asking it starts three programs; a screen waits for neither.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

from qctl.errors import QctlError
from qctl.models import Daemon

KEPT = 5.0
"""Seconds for which an answer is good."""

PATIENCE = 0.3
"""Seconds that the first answer is waited for."""


class DaemonOps:
    """The part `daemons` of what the monitor asks; no Redis knows of them. `ask` is what brings them."""

    def __init__(self, ask: Callable[[], Sequence[Daemon]] | None = None) -> None:
        self._ask = ask or _of_systemd
        self._lock = threading.Lock()
        self._asking: threading.Thread | None = None
        self._said: Sequence[Daemon] | QctlError = QctlError("systemd has not answered yet")
        self._due = 0.0

    def list(self) -> Sequence[Daemon]:
        """Every service of qctl's, as it was a moment ago. Raises QctlError, saying why, where none can be known."""
        first = not self._due
        with self._lock:
            if self._asking is None and time.monotonic() >= self._due:
                self._asking = threading.Thread(target=self._renew, daemon=True)
                self._asking.start()
            asking = self._asking
        if first and asking:
            asking.join(PATIENCE)
        if isinstance(self._said, QctlError):
            raise self._said
        return self._said

    def _renew(self) -> None:
        try:
            said: Sequence[Daemon] | QctlError = self._ask()
        except QctlError as error:
            said = error
        except Exception as error:  # noqa: BLE001 - a fault here must not end the asking: it is told
            said = QctlError(f"internal error: {type(error).__name__}: {error}")
        with self._lock:
            self._said, self._due, self._asking = said, time.monotonic() + KEPT, None


def _of_systemd() -> Sequence[Daemon]:
    from qctl.systemd import Systemd  # not needed by the first screen

    return Systemd().list()
