"""What servers on uvicorn have in common: how they listen, and that signals are the daemon's."""

from __future__ import annotations

import contextlib
import errno
import os
import resource
import socket
from collections.abc import Iterator

import uvicorn

from qctl.errors import SettingsError

BACKLOG = 2048
"""Connections that may wait to be accepted."""


class Server(uvicorn.Server):
    """uvicorn without its handlers of signals: the daemon has its own."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


def listen(host: tuple[str, str], port: tuple[str, int], hint: str) -> socket.socket:
    """The socket that is listened on. `host` and `port` are settings by name and value.

    Raises SettingsError naming the one that is at fault.
    """
    try:
        found = socket.getaddrinfo(host[1], port[1], type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        listener = socket.create_server((host[1], port[1]), family=found[0][0], backlog=BACKLOG)
    except OSError as error:
        of_host = isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL
        reason = error.strerror if of_host else os.strerror(error.errno or 0)
        name = host[0] if of_host else port[0]
        raise SettingsError(name, f"cannot listen on {host[1]} port {port[1]}: {reason}", hint) from error
    # Connections inherit it. asyncio sets it only where a socket names its protocol, which this one does not: without
    # it an answer in two pieces waits 40 ms for the client's acknowledgement of the first.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def allow_many_files() -> None:
    """Every connection is one; the usual limit of 1024 is meant for programs that use select()."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
