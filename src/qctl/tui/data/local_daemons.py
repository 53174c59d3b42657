"""The daemons of this machine, polled from systemd in a thread.

systemd may be slow, and a poll starts three programs: no page waits for either.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

from qctl.errors import QctlError
from qctl.models import Daemon
from qctl.tui.data.monitor_data import DaemonReader

TTL_SECONDS = 5.0
"""Seconds that an answer stays valid."""

FIRST_WAIT_SECONDS = 0.3
"""Time (s) that the first read waits for systemd; later reads return the last answer."""


class LocalDaemons(DaemonReader):
    """Polls `read`, which is `systemctl` by default."""

    def __init__(self, read: Callable[[], Sequence[Daemon]] | None = None) -> None:
        self._read = read or _read_systemd
        self._lock = threading.Lock()
        self._poll: threading.Thread | None = None
        self._answer: Sequence[Daemon] | QctlError = QctlError("systemd has not answered yet")
        self._due = 0.0

    def list(self) -> Sequence[Daemon]:
        """Return all services of qctl, as of the last poll. Raises QctlError if systemd cannot list them."""
        is_first = not self._due
        with self._lock:
            if self._poll is None and time.monotonic() >= self._due:
                self._poll = threading.Thread(target=self._refresh, daemon=True)
                self._poll.start()
            poll = self._poll
        if is_first and poll:
            poll.join(FIRST_WAIT_SECONDS)
        if isinstance(self._answer, QctlError):
            raise self._answer
        return self._answer

    def _refresh(self) -> None:
        try:
            answer: Sequence[Daemon] | QctlError = self._read()
        except QctlError as error:
            answer = error
        except Exception as error:  # noqa: BLE001 - shown on the page: a fault here must not end the polling
            answer = QctlError(f"internal error: {type(error).__name__}: {error}")
        with self._lock:
            self._answer, self._due, self._poll = answer, time.monotonic() + TTL_SECONDS, None


def _read_systemd() -> Sequence[Daemon]:
    from qctl.systemd import Systemd  # imported late: the first page does not need it

    return Systemd().list()
