"""The short way between web sockets and the Socket.IO server, for what there is one of a message.

Engine.IO makes two tasks and two timers for each message that comes by itself, and as many for its answer, and uvicorn
stops and starts the reading: with thousands of connections that were two thirds of the work (measured). Here a text is
offered to `Engine.take` when it comes, and an answer is written when it is made. Both are so only where the library has
nothing of that connection in hand: it waits for the next packet, or for the next to send. So the order is kept, and
all that cannot be done at once goes the library's way as if this were not here. Pings always do: they keep its loops
alive.

Used are the seams of the libraries: uvicorn takes a class for its web sockets, python-engineio a driver and a maker of
queues. Inner parts are `WebSocketsSansIOProtocol` and the names of it that `Wire` uses, and `_async`, the driver.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

import engineio
from engineio.async_drivers.asgi import WebSocket
from engineio.packet import MESSAGE, Packet
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

EXTENSION = "qctl.wire"
"""Under this name the scope of a web socket holds its Wire."""


class Wire(WebSocketsSansIOProtocol):
    """uvicorn's web socket. What comes is offered to `take` first, which says whether it took it."""

    take: Callable[[bytes], bool] | None = None
    _awaited = False

    async def run_asgi(self) -> None:
        """Serve the connection."""
        self.scope["extensions"] = {**(self.scope["extensions"] or {}), EXTENSION: {"wire": self}}
        await super().run_asgi()

    async def receive(self) -> Any:
        """The next that came and was not taken."""
        self._awaited = True
        try:
            return await super().receive()
        finally:
            self._awaited = False

    def send_receive_event_to_app(self) -> None:
        """What the library calls for each message."""
        at_once = self._awaited and self.queue.empty() and self.curr_msg_data_type == "text" and not self.close_sent
        if at_once and self.take is not None and self.take(b"".join(self.frames)):
            self.frames = []
        else:
            super().send_receive_event_to_app()

    def write(self, text: str) -> bool:
        """Send a text. False where it would have to wait, or cannot be sent any more."""
        if self.disconnected or self.close_sent or self.transport.is_closing() or not self.writable.is_set():
            return False
        self.conn.send_text(text.encode())
        self.transport.write(b"".join(self.conn.data_to_send()))
        return True


class Outbox(asyncio.Queue[Any]):
    """The packets that wait to be sent over a connection."""

    wire: Wire | None = None
    """The web socket that all of them go to."""
    _all_sent = False

    async def get(self) -> Any:
        """The next packet, for who has sent those before."""
        self._all_sent = self.empty()
        return await super().get()

    def put_nowait(self, item: Any) -> None:
        """Add a packet at the end."""
        self._all_sent = False
        super().put_nowait(item)

    def send(self, text: str) -> None:
        """Send a message at once if nothing is before it."""
        if self.wire is None or not self._all_sent or not self.wire.write(f"{MESSAGE}{text}"):
            self.put_nowait(Packet(MESSAGE, text))


class _Attached(WebSocket):  # type: ignore[misc]
    """Engine.IO's view of a web socket, which is made one with its Wire as long as it lasts."""

    def __init__(self, handler: Any, server: Engine) -> None:
        super().__init__(handler, server)
        self._socket = handler.__self__
        self._take = server.take

    async def __call__(self, environ: dict[str, Any]) -> Any:
        """Serve the connection."""
        wire: Wire = environ["asgi.scope"]["extensions"][EXTENSION]["wire"]
        wire.take = partial(self._offer, wire)
        try:
            return await super().__call__(environ)
        finally:
            wire.take = self._socket.queue.wire = None

    def _offer(self, wire: Wire, data: bytes) -> bool:
        socket = self._socket
        if not socket.upgraded or socket.closed:
            return False
        socket.queue.wire = wire
        return self._take(socket.sid, data)


class Engine(engineio.AsyncServer):  # type: ignore[misc]
    """The Engine.IO server. `take` is offered what comes over web sockets, with the session's id."""

    take: Callable[[str, bytes], bool]
    _async: dict[str, Any]

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._async = {**self._async, "websocket": _Attached}

    def create_queue(self, *args: Any, **kwargs: Any) -> Outbox:
        """What the library makes for each connection."""
        return Outbox(*args, **kwargs)
