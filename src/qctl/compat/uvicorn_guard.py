"""uvicorn's HTTP and web socket protocols, below limits that uvicorn does not have.

`GuardedHttp` reports connections to a ConnectionGuard, and closes those whose request does not arrive. It sends
the head of a response together with the body, for which uvicorn makes a second write.
`GuardedWebSocket` takes what arrives in small slices between which other connections have their turn, and bounds
fragments, pings, and what a client does not read. If uvicorn changes, its own protocols are used, without these limits.
"""

from __future__ import annotations

import asyncio
from typing import Any

import h11
import uvicorn

from qctl.compat.private_names import PrivateNames, first_change, warn_once
from qctl.compat.uvicorn_server import REFUSAL_NAMES, RefusableWebSocket
from qctl.guard.connections import BUSY_RESPONSE, LATE_RESPONSE, ConnectionGuard
from qctl.guard.sessions import WEB_SOCKET

try:
    from uvicorn.protocols.http.h11_impl import H11Protocol
except ImportError:  # then CHANGED reports it
    H11Protocol = object  # type: ignore[misc, assignment]

_HTTP = "uvicorn.protocols.http.h11_impl:H11Protocol"
_CYCLE = "uvicorn.protocols.http.h11_impl:RequestResponseCycle"
_SANSIO = "uvicorn.protocols.websockets.websockets_sansio_impl:WebSocketsSansIOProtocol"

HTTP_NAMES = PrivateNames(
    "uvicorn",
    tuple(f"{_HTTP}.{name}" for name in ("config", "conn", "cycle", "flow", "loop", "transport"))
    + tuple(f"{_CYCLE}.{name}" for name in ("conn", "transport")),
)

WEBSOCKET_NAMES = PrivateNames(
    "uvicorn",
    REFUSAL_NAMES.names
    + tuple(
        f"{_SANSIO}.{name}"
        for name in (
            *("run_asgi", "receive", "scope", "config", "conn", "frames", "transport", "loop", "read_paused"),
            *("handle_cont(event)", "handle_ping"),
        )
    ),
)

SIZE_NAMES = PrivateNames("websockets", ("websockets.protocol:Protocol.max_size",))

CHANGED = first_change(HTTP_NAMES, WEBSOCKET_NAMES)
SIZE_CHANGED = SIZE_NAMES.changed()

UNARRIVED_STATES = (h11.IDLE, h11.SEND_BODY)
"""States of h11 in which the client has not sent all of its request."""

MIN_BODY_BYTES_PER_SECOND = 32_000
"""Rate of a body below which it is late."""

SLICE_BYTES = 16_384
"""Input of a web socket that is taken before other connections have their turn: 2,700 of the smallest frames, 30 ms.
Before the token it is no more than a message may have."""

MAX_FRAGMENTS = 1000
"""Fragments of one message. Empty ones do not count in its size."""

MAX_PINGS = 10
PINGS_PER_SECOND = 1.0
"""Pings of a web socket that a client may send at once, and afterwards per second."""

MAX_UNREAD_BYTES = 4_000_000
"""Bytes that may wait for a client that does not read. Above this, its connection is closed."""


class GuardedConfig(uvicorn.Config):
    """The configuration of a server whose connections `guard` limits."""

    def __init__(self, app: Any, guard: ConnectionGuard, *, ws: type[GuardedWebSocket], **options: Any) -> None:
        if SIZE_CHANGED is not None:
            warn_once(SIZE_CHANGED, "Socket.IO clients may send a large message before their token")
        if CHANGED is None:
            super().__init__(app, http=GuardedHttp, ws=ws, **options)
        else:
            warn_once(CHANGED, "connections are not limited, and requests may take any time")
            super().__init__(app, http="h11", ws="websockets-sansio", **options)
        self.guard = guard


class _ResponseTransport:
    """The transport of one response. Its head waits for the first part of its body, as ASGI allows: both are one
    write."""

    __slots__ = ("_conn", "_head", "_transport")

    def __init__(self, transport: asyncio.Transport, conn: h11.Connection) -> None:
        self._transport = transport
        self._conn = conn
        self._head: bytes | None = None

    def write(self, data: bytes) -> None:
        """Send a part of the response: its head, which is the first, or after it some of its body."""
        if self._head is None and self._conn.our_state is h11.SEND_BODY:
            self._head = data
        elif self._head:
            head, self._head = self._head, b""
            self._transport.write(head + data)
        else:
            self._transport.write(data)

    def close(self) -> None:
        """Close the connection once what was written is sent."""
        self._transport.close()

    def is_closing(self) -> bool:
        """Check whether the connection is about to end."""
        return self._transport.is_closing()


class GuardedHttp(H11Protocol):
    """An HTTP connection."""

    config: GuardedConfig
    _cycle: Any = None
    _refused = False
    _received = 0
    _began_at = 0.0
    _deadline: asyncio.TimerHandle | None = None

    @property
    def cycle(self) -> Any:
        """The request that is being answered."""
        return self._cycle

    @cycle.setter
    def cycle(self, cycle: Any) -> None:
        if cycle is not None:
            cycle.transport = _ResponseTransport(cycle.transport, cycle.conn)
        self._cycle = cycle

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Serve a connection, or refuse it."""
        peer = transport.get_extra_info("peername")
        if not self.config.guard.open(transport, peer[0] if isinstance(peer, tuple) else ""):
            self._refused = True
            transport.write(BUSY_RESPONSE)
            transport.close()
            return
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        """Take what has arrived."""
        if self._refused:
            return
        self._received += len(data)
        super().data_received(data)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Note the end of the connection."""
        self._stop_watching()
        if not self._refused:
            self.config.guard.close(self.transport)
            super().connection_lost(exc)

    def _watch(self) -> None:
        """Begin to wait for a request, or stop waiting because it has arrived."""
        if self.transport.get_protocol() is not self or self.conn.their_state not in UNARRIVED_STATES:
            self._stop_watching()
            self._received = 0
            self.config.guard.finish_request(self.transport)
        elif self._deadline is None:
            self._began_at = self.loop.time()
            self._deadline = self.loop.call_later(self.config.guard.request_seconds, self._expire)

    def _stop_watching(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _expire(self) -> None:
        """Close the connection if its request is late."""
        self._deadline = None
        if self.transport.is_closing():
            return
        seconds = self.config.guard.request_seconds
        if self.conn.their_state is h11.SEND_BODY:
            seconds += self._received / MIN_BODY_BYTES_PER_SECOND
        left = self._began_at + seconds - self.loop.time()
        if self.flow.read_paused:  # the application has not taken what arrived
            left = max(left, 1.0)
        if left > 0:
            self._deadline = self.loop.call_later(left, self._expire)
            return
        self.config.guard.note_late(self.transport)
        is_unanswered = self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE)
        if self._received and is_unanswered and self.transport.get_write_buffer_size() == 0:
            self.transport.write(LATE_RESPONSE)
            self.transport.close()
        else:
            self.transport.abort()


class GuardedWebSocket(RefusableWebSocket):
    """A web socket."""

    config: GuardedConfig
    _rest = b""
    _offset = 0
    """Input that has arrived and is not taken, and where the next slice of it begins."""
    _slice_bytes = SLICE_BYTES
    _scheduled = False
    _pings = 0.0
    _pinged_at = 0.0

    async def run_asgi(self) -> None:
        """Serve the connection."""
        extensions: Any = {**(self.scope["extensions"] or {}), WEB_SOCKET: self}
        self.scope["extensions"] = extensions
        await super().run_asgi()

    def limit_messages(self, max_bytes: int) -> None:
        """Set the maximum size of a message."""
        self._slice_bytes = min(SLICE_BYTES, max_bytes)
        if SIZE_CHANGED is None:
            self.conn.max_size = max_bytes

    def connection_lost(self, exc: Exception | None) -> None:
        """Note the end of the connection."""
        self._rest = b""
        self.config.guard.close(self.transport)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what has arrived, in slices if it is much."""
        if not self._rest and len(data) <= self._slice_bytes:
            super().data_received(data)
            return
        self._rest, self._offset = self._rest[self._offset :] + data, 0
        self._schedule()

    async def receive(self) -> Any:
        """Wait for the next event."""
        event = await super().receive()
        if self._rest:
            self._schedule()
        return event

    def _schedule(self) -> None:
        """Read no more, and take the next slice after other connections had their turn."""
        self.transport.pause_reading()
        if not self._scheduled:
            self._scheduled = True
            self.loop.call_soon(self._take_slice)

    def _take_slice(self) -> None:
        self._scheduled = False
        if self.read_paused or self.transport.is_closing():
            return  # `receive` goes on
        end = self._offset + self._slice_bytes
        part, self._offset = self._rest[self._offset : end], end
        if end >= len(self._rest):
            self._rest, self._offset = b"", 0
        super().data_received(part)
        if self._rest:
            self._schedule()
        elif not self.read_paused and not self.transport.is_closing():
            self.transport.resume_reading()

    def handle_cont(self, event: Any) -> None:
        """Take a fragment."""
        if len(self.frames) >= MAX_FRAGMENTS:
            self._break()
        else:
            super().handle_cont(event)

    def handle_ping(self) -> None:
        """Answer a ping."""
        now = self.loop.time()
        self._pings = max(0.0, self._pings - (now - self._pinged_at) * PINGS_PER_SECOND) + 1
        self._pinged_at = now
        if self._pings > MAX_PINGS or self.transport.get_write_buffer_size() > MAX_UNREAD_BYTES:
            self._break()
        else:
            super().handle_ping()

    def _break(self) -> None:
        """End a connection that sends what no client does."""
        if not self.transport.is_closing():
            self.config.guard.denials.note("packets")
            self._rest = b""
            self.transport.abort()
