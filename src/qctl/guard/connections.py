"""Limits the connections of an HTTP server, in all and by address, and ends requests that do not arrive.

`compat/uvicorn_guard.py` reports each connection here. Behind a trusted proxy all connections have its address, so
`limit_requests` limits the clients that it names, by their open requests and web sockets.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any, Protocol

from qctl.guard.addresses import Proxies, site_of
from qctl.guard.denials import Denials
from qctl.guard.waiting_room import WaitingRoom

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

RESERVED_FILES = 256
"""Open files that are kept for other uses than connections: databases, logs, uploads."""

RETRY_AFTER_SECONDS = 2
"""Time (s) after which a client that was refused may try again."""

_RESPONSE = (
    "HTTP/1.1 {status}\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: 0\r\n"
    f"retry-after: {RETRY_AFTER_SECONDS}\r\nconnection: close\r\n\r\n"
)

BUSY_RESPONSE = _RESPONSE.format(status="503 Service Unavailable").encode()
LATE_RESPONSE = _RESPONSE.format(status="408 Request Timeout").encode()
"""Responses on a connection whose request never reaches the application."""


@dataclass(frozen=True)
class ConnectionLimits:
    """Maximum connections in all and by address, and time (s) allowed for a request to arrive."""

    connections: int
    by_address: int
    request_seconds: float


class Connection(Protocol):
    """A connection of the server, known by its transport."""

    def close(self) -> None:
        """Close it once what was written is sent."""


class ConnectionGuard:
    """The connections of one server. `max_files`: open files that the process may have."""

    def __init__(self, limits: ConnectionLimits, proxies: Proxies, denials: Denials, max_files: int) -> None:
        self.request_seconds = limits.request_seconds
        self.denials = denials
        self._max = max(1, min(limits.connections, max_files - RESERVED_FILES))
        self._max_by_address = limits.by_address
        self._proxies = proxies
        self._open: dict[Connection, str] = {}
        self._by_address: Counter[str] = Counter()
        self._unfinished: WaitingRoom[Connection] = WaitingRoom()
        """Connections whose first request has not arrived."""
        self._requests: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._open)

    def open(self, connection: Connection, address: str) -> bool:
        """Count a new connection. False if it must be refused.

        If there are too many, one that has sent no request makes room.
        """
        site = site_of(address)
        if self._by_address[site] >= self._max_by_address and site not in self._proxies:
            self.denials.note("address", site)
            return False
        if len(self._open) >= self._max:
            self.denials.note("connections", site)
            crowding = self._unfinished.pop_crowding()
            if crowding is None:
                return False
            self.close(crowding)
            crowding.close()
        self._open[connection] = site
        self._by_address[site] += 1
        self._unfinished.add(connection, site)
        return True

    def finish_request(self, connection: Connection) -> None:
        """Note that a request has arrived on a connection."""
        self._unfinished.remove(connection)

    def note_late(self, connection: Connection) -> None:
        """Note that a request has not arrived in time."""
        self.denials.note("unfinished", self._open.get(connection, ""))

    def close(self, connection: Connection) -> None:
        """Note that a connection has ended. It may be called twice."""
        site = self._open.pop(connection, None)
        if site is None:
            return
        self._unfinished.remove(connection)
        _decrement(self._by_address, site)

    def limit_requests(self, app: Application) -> Application:
        """Wrap an application behind trusted proxies: limit open requests and web sockets by client address."""
        if not self._proxies:
            return app

        async def limited(scope: Scope, receive: Receive, send: Send) -> None:
            site = site_of((scope.get("client") or ("",))[0])
            if self._requests[site] >= self._max_by_address:
                self.denials.note("address", site)
                await refuse(scope, receive, send)
                return
            self._requests[site] += 1
            try:
                await app(scope, receive, send)
            finally:
                _decrement(self._requests, site)

        return limited


async def refuse(
    scope: Scope, receive: Receive, send: Send, status: int = 503, body: bytes = b"try again soon\n"
) -> None:
    """Answer a request, or refuse a web socket before it is accepted, so that the client tries again."""
    kind = "http"
    if scope["type"] == "websocket":
        await receive()
        kind = "websocket.http"
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
        (b"retry-after", str(RETRY_AFTER_SECONDS).encode()),
    ]
    await send({"type": f"{kind}.response.start", "status": status, "headers": headers})
    await send({"type": f"{kind}.response.body", "body": body})


def _decrement(counter: Counter[str], key: str) -> None:
    counter[key] -= 1
    if counter[key] <= 0:
        del counter[key]
