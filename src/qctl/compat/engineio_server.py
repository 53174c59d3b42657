"""Fast path of Engine.IO: no task and no timer for a text message that arrives or leaves by web socket.

python-engineio makes two tasks and two timers for each message that comes and as many for its answer, and uvicorn
pauses and resumes reading; with thousands of connections that was two thirds of the CPU time (measured). Here a text
is offered to `FastEngine.take` when it comes, and an answer is written when it is made, provided that the library has
nothing of that connection in progress: it waits for the next packet, or for the next one to send. So the order is kept.
Everything else goes the library's way, pings always: they keep its loops alive.

`socketio_server` falls back to the library's own classes if one of the names changes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

import engineio

from qctl.compat.fast_web_socket import FastWebSocket
from qctl.compat.private_names import PrivateNames
from qctl.guard.sessions import WEB_SOCKET

try:
    from engineio.async_drivers.asgi import WebSocket
    from engineio.packet import MESSAGE, NOOP, Packet
except ImportError:  # then PRIVATE_NAMES reports a change
    WebSocket = Packet = object
    MESSAGE, NOOP = 4, 6

__all__ = ["MESSAGE", "NOOP", "PRIVATE_NAMES", "FastEngine", "Packet", "PacketQueue", "close_session", "has_session"]

PRIVATE_NAMES = PrivateNames(
    "python-engineio",
    (
        "engineio:AsyncServer.create_queue",
        "engineio:AsyncServer.sockets",
        "engineio:AsyncServer._async",
        "engineio.async_socket:AsyncSocket.close(wait, abort, reason)",
        "engineio.async_drivers.asgi:WebSocket",
        "engineio.async_socket:AsyncSocket._websocket_handler(ws)",
        "engineio.async_socket:AsyncSocket.queue",
        "engineio.async_socket:AsyncSocket.upgraded",
        "engineio.async_socket:AsyncSocket.closed",
        "engineio.async_socket:AsyncSocket.last_ping",
        "engineio.packet:Packet.encode",
        "engineio.packet:MESSAGE",
        "engineio.packet:NOOP",
    ),
)


class PacketQueue(asyncio.Queue[Any]):
    """Packets that wait to be sent over one connection."""

    websocket: FastWebSocket | None = None
    """The web socket that all of them go to, once the connection has one."""
    _all_sent = False

    async def get(self) -> Any:
        """Wait for the next packet. The library calls this when it has sent those before."""
        self._all_sent = self.empty()
        return await super().get()

    def put_nowait(self, item: Any) -> None:
        """Add a packet at the end."""
        self._all_sent = False
        super().put_nowait(item)

    def send(self, text: str) -> None:
        """Send a message, at once if nothing is before it."""
        if self.websocket is None or not self._all_sent or not self.websocket.write(f"{MESSAGE}{text}"):
            self.put_nowait(Packet(MESSAGE, text))


class _FastDriver(WebSocket):  # type: ignore[misc]
    """The library's view of a web socket, connected to its FastWebSocket as long as it lasts."""

    def __init__(self, handler: Any, server: FastEngine) -> None:
        super().__init__(handler, server)
        self._socket = handler.__self__
        self._take = server.take

    async def __call__(self, environ: dict[str, Any]) -> Any:
        """Serve the connection."""
        websocket: FastWebSocket = environ["asgi.scope"]["extensions"][WEB_SOCKET]
        websocket.take = partial(self._offer, websocket)
        try:
            return await super().__call__(environ)
        finally:
            websocket.take = self._socket.queue.websocket = None

    def _offer(self, websocket: FastWebSocket, data: bytes) -> bool:
        socket = self._socket
        if not socket.upgraded or socket.closed:
            return False
        socket.queue.websocket = websocket
        return self._take(socket.sid, data)


class FastEngine(engineio.AsyncServer):  # type: ignore[misc]
    """The Engine.IO server. `take` is offered each text that comes by web socket, with the connection's id."""

    take: Callable[[str, bytes], bool]
    _async: dict[str, Any]

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._async = {**self._async, "websocket": _FastDriver}

    def create_queue(self, *args: Any, **kwargs: Any) -> PacketQueue:
        """Make the queue of a connection."""
        return PacketQueue(*args, **kwargs)


def has_session(engine: engineio.AsyncServer, sid: str) -> bool:
    """True if a session is open."""
    return sid in engine.sockets


async def close_session(engine: engineio.AsyncServer, sid: str) -> None:
    """End a session that polls. The library's `disconnect` would wait until the client has polled all."""
    socket = engine.sockets.get(sid)
    if socket is not None and not socket.closed:
        await socket.close(wait=False, reason=engine.reason.SERVER_DISCONNECT)
        engine.sockets.pop(sid, None)
