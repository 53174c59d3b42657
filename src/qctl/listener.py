"""Listening sockets of the HTTP servers."""

from __future__ import annotations

import errno
import os
import resource
import socket

from qctl.errors import SettingsError

BACKLOG = 2048
"""Connections that may wait to be accepted."""


def listen(host: tuple[str, str], port: tuple[str, int], hint: str) -> socket.socket:
    """Open a listening socket. `host` and `port` are settings, each as name and value.

    Raises SettingsError with the name of the setting that is wrong.
    """
    try:
        addresses = socket.getaddrinfo(host[1], port[1], type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        listener = socket.create_server((host[1], port[1]), family=addresses[0][0], backlog=BACKLOG)
    except OSError as error:
        host_is_wrong = isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL
        reason = error.strerror if host_is_wrong else os.strerror(error.errno or 0)
        name = host[0] if host_is_wrong else port[0]
        raise SettingsError(name, f"cannot listen on {host[1]} port {port[1]}: {reason}", hint) from error
    # Connections inherit the option. asyncio sets it only for sockets that name their protocol, which this one does
    # not; without it an answer in two pieces waits 40 ms for the client's acknowledgement of the first.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def allow_many_files() -> None:
    """Raise the limit of open files, because every connection is one. The usual 1024 suits programs that use
    select()."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
