"""A supervisor of daemons: receives what they send to NOTIFY_SOCKET."""

from __future__ import annotations

import socket


class Supervisor:
    """Hears what a daemon says to NOTIFY_SOCKET."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind("\0" + address[1:] if address.startswith("@") else address)

    def receive(self, within: float = 30.0) -> list[str]:
        """The next message, as lines. Raises TimeoutError where none comes."""
        self._socket.settimeout(within)
        return self._socket.recv(4096).decode().splitlines()

    def receive_fact(self, fact: str, within: float = 30.0) -> str:
        """The value of this fact in the next message that names it. Raises TimeoutError if there is none."""
        while True:
            for line in self.receive(within):
                if line.startswith(f"{fact}="):
                    return line.partition("=")[2]

    def close(self) -> None:
        """Hear no more."""
        self._socket.close()
