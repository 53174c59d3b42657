"""Messages to the process supervisor (systemd, or `qctl up`) by the protocol of sd_notify(3).

A message is one datagram to the socket named by NOTIFY_SOCKET, so no library is needed: systemd's own takes a C
compiler to install.
"""

from __future__ import annotations

import logging
import os
import socket
from typing import Protocol

log = logging.getLogger(__name__)


class Heartbeat(Protocol):
    """Reports to a supervisor that the work goes on (`daemon.Context.beat`)."""

    def __call__(self, status: str = "", *, ready: bool = True) -> None: ...


class Supervisor:
    """The process that listens at NOTIFY_SOCKET. Without NOTIFY_SOCKET nothing is sent."""

    def __init__(self) -> None:
        address = os.environ.get("NOTIFY_SOCKET", "")
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) if address else None
        if self._socket is not None:
            self._socket.setblocking(False)

    @property
    def watchdog_seconds(self) -> float | None:
        """Silence after which the supervisor kills this daemon, None if it does not."""
        usec = os.environ.get("WATCHDOG_USEC", "")
        if os.environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()) or not usec.isdecimal():
            return None
        return int(usec) / 1e6

    def notify(self, *assignments: str) -> None:
        """Send assignments such as READY=1. A supervisor that does not listen, or not fast enough, is ignored."""
        if self._socket is None:
            return
        try:
            self._socket.sendto("\n".join(assignments).encode(), self._address)
        except OSError as error:
            log.debug("supervisor does not listen: %s", error)

    def close(self) -> None:
        """Close the socket. Nothing is sent afterwards."""
        if self._socket is not None:
            self._socket.close()
