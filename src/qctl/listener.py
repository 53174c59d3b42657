"""Listening sockets of the HTTP servers."""

from __future__ import annotations

import ctypes
import errno
import os
import resource
import socket
import struct
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType

from qctl.errors import SettingsError
from qctl.guard.addresses import Proxies
from qctl.guard.connections import ConnectionGuard, ConnectionLimits
from qctl.guard.denials import Denials
from qctl.settings import Settings

BACKLOG = 2048
"""Connections that may wait to be accepted."""

SO_ATTACH_REUSEPORT_CBPF = 51
LOAD_WORD, MODULO, RETURN_A = 0x20, 0x94, 0x16
"""Instructions of the classic packet filter: BPF_LD|BPF_W|BPF_ABS, BPF_ALU|BPF_MOD|BPF_K, BPF_RET|BPF_A."""

SKF_NET_OFF = -0x100000
"""Offset from which on the IP header can be read."""


class Listener:
    """A server's address. `host` and `port` are settings, each as name and value.

    It is reserved at once, so that a wrong setting ends the start; connections are refused until `open`, so that none
    waits for a server that is not there yet. Both raise SettingsError with the name of the setting that is wrong.

    `sharing`: how many processes of this user listen on the same address (SO_REUSEPORT). The kernel gives all
    connections of a client's address to one of them.
    """

    def __init__(self, host: tuple[str, str], port: tuple[str, int], hint: str, *, sharing: int = 1) -> None:
        self._host, self._port, self._hint, self._sharing = host, port, hint, sharing
        with self._translate_errors():
            family = socket.getaddrinfo(host[1], port[1], type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0][0]
            self.socket = socket.socket(family)
            try:
                self._bind(family)
            except OSError:
                self.socket.close()
                raise

    def _bind(self, family: socket.AddressFamily) -> None:
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if self._sharing > 1:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6:
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        # Connections inherit the option. asyncio sets it only for sockets that name their protocol, which this one does
        # not; without it an answer in two pieces waits 40 ms for the client's acknowledgement of the first.
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.bind((self._host[1], self._port[1]))

    def open(self) -> socket.socket:
        """Take connections. Returns the socket, for the server."""
        with self._translate_errors():  # another process may have reserved the address as well, and opened it first
            self.socket.listen(BACKLOG)
            if self._sharing > 1:
                keep_clients_together(self.socket, self._sharing)
        return self.socket

    @contextmanager
    def _translate_errors(self) -> Iterator[None]:
        host, port = self._host, self._port
        try:
            yield
        except OSError as error:
            host_is_wrong = isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL
            reason = error.strerror if host_is_wrong else os.strerror(error.errno or 0)
            name = host[0] if host_is_wrong else port[0]
            raise SettingsError(name, f"cannot listen on {host[1]} port {port[1]}: {reason}", self._hint) from error

    def __enter__(self) -> Listener:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.socket.close()


class DrainNotice:
    """Tells a server that has to stop when to refuse clients: `seconds` later. Until then its /healthz answers 503, so
    that a load balancer takes it out first."""

    def __init__(self, stop: threading.Event, seconds: float) -> None:
        self._stop = stop
        self._seconds = seconds
        self._until: float | None = None

    @property
    def is_given(self) -> bool:
        """True once the server has to stop."""
        return self._stop.is_set()

    @property
    def is_over(self) -> bool:
        """True once the server may refuse clients. The time begins when this is asked first after the stop event."""
        if not self.is_given:
            return False
        if self._until is None:
            self._until = time.monotonic() + self._seconds
        return time.monotonic() >= self._until


def keep_clients_together(listening: socket.socket, processes: int) -> None:
    """Let the kernel choose among `processes` that share an address by the last four bytes of the client's address.

    A Socket.IO client that polls uses several connections, and only one process knows its session. The program is one
    of the classic packet filter: it loads the word from the IP header and divides it; the remainder is the index of the
    socket. Without Linux, the kernel's own choice stays.
    """
    if sys.platform != "linux":
        return
    # The source of IPv4 is at 12, that of IPv6 at 8, 16 bytes long.
    offset = SKF_NET_OFF + (20 if listening.family == socket.AF_INET6 else 12)
    instructions = ((LOAD_WORD, offset), (MODULO, processes), (RETURN_A, 0))
    program = b"".join(struct.pack("HBBI", code, 0, 0, value & 0xFFFFFFFF) for code, value in instructions)
    buffer = ctypes.create_string_buffer(program, len(program))
    header = struct.pack("HP", len(instructions), ctypes.addressof(buffer))
    listening.setsockopt(socket.SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, header)


def allow_many_files() -> int:
    """Raise the limit of open files, because every connection is one. Returns it. The usual 1024 suits programs that
    use select()."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard if hard != resource.RLIM_INFINITY else sys.maxsize


def connection_guard(settings: Settings, denials: Denials, max_files: int) -> ConnectionGuard:
    """The limits of a server's connections, by its settings and the open files that its process may have."""
    limits = ConnectionLimits(settings.max_connections, settings.max_address_connections, settings.request_timeout)
    return ConnectionGuard(limits, Proxies(settings.trusted_proxies), denials, max_files)
