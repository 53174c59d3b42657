"""Receives what daemons report to their supervisor, by the protocol of systemd's sd_notify."""

from __future__ import annotations

import os
import select
import socket
import struct
import time
from contextlib import suppress

_CREDENTIALS = struct.Struct("3i")
"""pid, uid and gid of a sender, filled in by the kernel."""


class Readiness:
    """Socket at which daemons report, for example that they are ready: give them `address` as NOTIFY_SOCKET. Close it.

    Only Linux identifies the sender of a message. Elsewhere `address` is empty and nothing is received. `owner` is the
    kind of this process, for people.
    """

    def __init__(self, owner: str = "qctl-up") -> None:
        self.address = ""
        if hasattr(socket, "SO_PASSCRED"):
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
            # A name without a file: none is left behind, and the length of QCTL_HOME does not matter.
            self._socket.bind(f"\0{owner}-{os.getpid()}")
            self.address = f"@{owner}-{os.getpid()}"

    def heard(self) -> set[int]:
        """Pids of the processes that sent READY=1 since the last call."""
        return {pid for pid, lines in self.messages() if "READY=1" in lines}

    def messages(self) -> list[tuple[int, list[str]]]:
        """Messages since the last call, as lines, each with the pid of its sender."""
        messages: list[tuple[int, list[str]]] = []
        with suppress(BlockingIOError):
            while self.address:
                message, extra, _, _ = self._socket.recvmsg(4096, socket.CMSG_SPACE(_CREDENTIALS.size))
                lines = message.decode(errors="replace").split("\n")
                messages += [
                    (_CREDENTIALS.unpack(data)[0], lines) for _, kind, data in extra if kind == socket.SCM_CREDENTIALS
                ]
        return messages

    def wait(self, seconds: float) -> None:
        """Return when there is a message, or after so many seconds."""
        if self.address:
            select.select([self._socket], [], [], seconds)
        else:
            time.sleep(seconds)

    def close(self) -> None:
        """Close the socket."""
        if self.address:
            self._socket.close()
