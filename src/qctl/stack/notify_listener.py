"""Receives the daemons' reports that they are ready, by the protocol of systemd's sd_notify."""

from __future__ import annotations

import os
import socket
import struct
from contextlib import suppress

_CREDENTIALS = struct.Struct("3i")
"""pid, uid and gid of a sender, filled in by the kernel."""


class Readiness:
    """Socket at which daemons report that they are ready: give them `address` as NOTIFY_SOCKET. Close it.

    Only Linux identifies the sender of a message. Elsewhere `address` is empty and nothing is received.
    """

    def __init__(self) -> None:
        self.address = ""
        if hasattr(socket, "SO_PASSCRED"):
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
            # A name without a file: none is left behind, and the length of QCTL_HOME does not matter.
            self._socket.bind(f"\0qctl-up-{os.getpid()}")
            self.address = f"@qctl-up-{os.getpid()}"

    def heard(self) -> set[int]:
        """Pids of the processes that sent READY=1 since the last call."""
        ready: set[int] = set()
        with suppress(BlockingIOError):
            while self.address:
                message, extra, _, _ = self._socket.recvmsg(4096, socket.CMSG_SPACE(_CREDENTIALS.size))
                if b"READY=1" in message.split(b"\n"):
                    ready.update(
                        _CREDENTIALS.unpack(data)[0] for _, kind, data in extra if kind == socket.SCM_CREDENTIALS
                    )
        return ready

    def close(self) -> None:
        """Close the socket."""
        if self.address:
            self._socket.close()
