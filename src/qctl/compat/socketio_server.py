"""A Socket.IO server that passes on each event with its acknowledgement, in the order the connection sent them.

python-socketio calls an event's handler without saying whether the client waits for an acknowledgement, and makes a
task for each event. FastServer overrides the methods it calls before that, which run one after another for a
connection: as long as a handler waits, nothing more is read from it. An event that need not wait skips the library
altogether (`engineio_server`).

To move a client elsewhere, FastServer sends it data that is not an Engine.IO packet. Every client library then
closes its side and reconnects by itself, and its program queues its messages meanwhile. Messages sent before arrive
before its close, so all of them are read. Closing from this side would lose messages on their way, and after a
`disconnect` packet the official client does not reconnect. A polling client would drop the messages that wait for its
last request to return; recent official ones first get data that is not a Socket.IO packet, which makes them send all
their messages before they close.

If one of the libraries changes, `new_server` returns a PublicServer, which uses registered handlers only.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Callable
from typing import Any, Protocol

import socketio
from engineio.payload import Payload

from qctl.compat import engineio_server, fast_web_socket, uvicorn_guard
from qctl.compat.engineio_server import MESSAGE, NOOP, FastEngine
from qctl.compat.private_names import PrivateNames, first_change, warn_once

PRIVATE_NAMES = PrivateNames(
    "python-socketio",
    (
        "socketio:AsyncServer._engineio_server_class",
        "socketio:AsyncServer._handle_event(eio_sid, namespace, id, data)",
        "socketio:AsyncServer._handle_eio_message(eio_sid, data)",
        "socketio:AsyncServer._handle_eio_disconnect(eio_sid, reason)",
        "socketio:AsyncServer._binary_packet",
        "socketio.packet:Packet.decode(encoded_packet)",
        "socketio.packet:Packet.add_attachment(attachment)",
    ),
)

CHANGED = first_change(PRIVATE_NAMES, engineio_server.PRIVATE_NAMES, fast_web_socket.WEBSOCKET_NAMES)

NAMESPACE = "/"

EVENT = f"{MESSAGE}{socketio.packet.EVENT}".encode()
"""First bytes of an event without attachments."""

MAX_ATTACHMENTS = 10
"""Binary attachments of an event. A packet with more is malformed; no event that is accepted has any."""

NO_PACKET = "x"
"""No packet of Engine.IO or Socket.IO begins like this."""

SILENCE_SECONDS = 2.0
"""Silence after which the connection of a client that was sent away is closed from this side."""

LEAVE_SECONDS = 10.0
"""Time after which it is closed even if the client goes on sending."""

MAX_REQUEST_PACKETS = 10_000
"""Packets in one request. A polling client sends all messages that it queued while disconnected in one."""

TURN_PACKETS = 100
"""Packets of one connection after which others have their turn."""

FLUSH_SECONDS = 1.0
"""Time allowed for a polling client to send its pending messages."""

Acknowledge = Callable[[dict[str, Any]], None]
"""Sends the acknowledgement of one event. Runs in the event loop and does not wait."""

_encoder = json.JSONEncoder(check_circular=False, separators=(",", ":"))


class EventHandler(Protocol):
    """The application. `cid` identifies a connection as long as it lasts."""

    async def connect(self, cid: str, environ: Any, auth: Any) -> None:
        """Admit a client. Raises socketio.exceptions.ConnectionRefusedError."""

    def disconnect(self, cid: str, reason: str) -> None:
        """Note that a connection ended."""

    async def handle(self, cid: str, event: Any, acknowledge: Acknowledge | None) -> None:
        """Take an event, a list of its name and arguments. `acknowledge` is None if the client wants none."""

    def handle_now(self, cid: str, event: Any, ack_id: int | None) -> bool:
        """Take an event without waiting. False if that is not possible; then `handle` gets it."""

    def reject_packet(self, cid: str, reason: str) -> None:
        """Note that a client sent an invalid Socket.IO packet."""

    def last_event_at(self, cid: str) -> float | None:
        """When a client last sent an event (monotonic seconds), None for one that was not admitted."""


class MalformedError(Exception):
    """A client sent an invalid Socket.IO packet."""


class Packet(socketio.packet.Packet):  # type: ignore[misc]
    """A packet that raises MalformedError if it cannot be decoded, and has few attachments."""

    def decode(self, encoded_packet: Any) -> int:
        """Decode a packet and return the number of its attachments."""
        try:
            attachments: int = super().decode(encoded_packet)
        except Exception as error:
            raise MalformedError(type(error).__name__) from error
        if attachments > MAX_ATTACHMENTS:
            raise MalformedError(f"more than {MAX_ATTACHMENTS} attachments")
        return attachments

    def add_attachment(self, attachment: Any) -> bool:
        """Add an attachment. True if it was the last one."""
        try:
            return bool(super().add_attachment(attachment))
        except Exception as error:
            raise MalformedError(type(error).__name__) from error


class _NoPacket:
    """A packet that is sent as NO_PACKET."""

    packet_type = NOOP
    data = None

    def encode(self, b64: bool = False) -> str:
        """Encode it as the library encodes its packets."""
        del b64
        return NO_PACKET


class FastServer(socketio.AsyncServer):  # type: ignore[misc]
    """The server that overrides the libraries' private methods."""

    reports_acks = True
    """True: `acknowledge` is None for events that want no acknowledgement."""

    def __init__(self, handler: EventHandler, **options: Any) -> None:
        super().__init__(serializer=Packet, **options)
        self._handler = handler
        self._packets = 0
        self.eio.take = self._handle_now
        self.on("connect", self._connect)

    @property
    def connections(self) -> list[str]:
        """Ids of the open connections, admitted or not."""
        return list(self.eio.sockets)

    def unsent(self, cid: str) -> int:
        """Packets that wait because the client does not read, 0 for a connection that ended."""
        socket = self.eio.sockets.get(cid)
        return socket.queue.qsize() if socket is not None and not socket.closed else 0

    def keep_alive(self, cid: str) -> None:
        """Count a client as alive although its pong may be behind an event that waits."""
        socket = self.eio.sockets.get(cid)
        if socket is not None and socket.last_ping:
            socket.last_ping = time.time()

    def acknowledger(self, cid: str, ack_id: int | None) -> Acknowledge | None:
        """The function that sends the acknowledgement with this id, None without an id."""
        if ack_id is None:
            return None

        def acknowledge(content: dict[str, Any]) -> None:
            socket = self.eio.sockets.get(cid)
            if socket is not None and not socket.closed:
                socket.queue.send(f"{socketio.packet.ACK}{ack_id}{_encoder.encode([content])}")

        return acknowledge

    # --- overridden --------------------------------------------------------------------------------------

    def _engineio_server_class(self) -> type[FastEngine]:
        return FastEngine

    async def _connect(self, sid: str, environ: Any, auth: Any) -> None:
        await self._handler.connect(self.manager.eio_sid_from_sid(sid, NAMESPACE), environ, auth)

    async def _handle_eio_disconnect(self, eio_sid: str, reason: str) -> None:
        await super()._handle_eio_disconnect(eio_sid, reason)
        self._handler.disconnect(eio_sid, reason)
        socket = self.eio.sockets.get(eio_sid)
        if socket is not None:  # a request that waits for packets would wait on
            asyncio.get_running_loop().call_soon(socket.queue.put_nowait, None)

    async def _handle_eio_message(self, eio_sid: str, data: Any) -> None:
        self._packets += 1
        if self._packets % TURN_PACKETS == 0:
            await asyncio.sleep(0)
        try:
            await super()._handle_eio_message(eio_sid, data)
        except (MalformedError, ValueError) as error:
            self._binary_packet.pop(eio_sid, None)
            self._handler.reject_packet(eio_sid, str(error))

    async def _handle_event(self, eio_sid: str, namespace: str | None, id: int | None, data: Any) -> None:
        if (namespace or NAMESPACE) == NAMESPACE:
            await self._handler.handle(eio_sid, data, self.acknowledger(eio_sid, id))

    def _handle_now(self, eio_sid: str, data: bytes) -> bool:
        if not data.startswith(EVENT) or eio_sid in self._binary_packet:
            return False
        try:
            packet = Packet(encoded_packet=data[1:].decode())
        except (MalformedError, ValueError):
            return False
        return not packet.namespace and self._handler.handle_now(eio_sid, packet.data, packet.id)

    # --- sending away ------------------------------------------------------------------------------------

    def send_away(self, cid: str, *, flushes: bool) -> None:
        """Make a client close the connection and connect again. `flushes`: it sends its pending messages when told to
        close while it polls."""
        socket = self.eio.sockets.get(cid)
        if socket is None:
            return
        loop = asyncio.get_running_loop()
        if flushes and not socket.upgraded:
            socket.queue.put_nowait(engineio_server.Packet(MESSAGE, NO_PACKET))
            loop.call_later(FLUSH_SECONDS, socket.queue.put_nowait, _NoPacket())
        else:
            socket.queue.put_nowait(_NoPacket())
        loop.call_later(SILENCE_SECONDS, self._close, cid, socket, time.monotonic() + LEAVE_SECONDS)

    def _close(self, cid: str, socket: Any, deadline: float) -> None:
        """Close a connection whose client did not, once nothing more comes over it."""
        if self.eio.sockets.get(cid) is not socket or socket.closed:
            return
        now, last_event_at = time.monotonic(), self._handler.last_event_at(cid)
        if last_event_at is not None and now - last_event_at < SILENCE_SECONDS and now < deadline:
            asyncio.get_running_loop().call_later(SILENCE_SECONDS, self._close, cid, socket, deadline)
        elif socket.upgraded:
            socket.queue.put_nowait(None)  # ends its writer, which closes the web socket
        else:
            self.start_background_task(socket.close, wait=False, reason=self.reason.SERVER_DISCONNECT)


class PublicServer(socketio.AsyncServer):  # type: ignore[misc]
    """The server that only registers handlers. It acknowledges every event, and reads the next one after that."""

    reports_acks = False
    """True: `acknowledge` is None for events that want no acknowledgement."""

    def __init__(self, handler: EventHandler, **options: Any) -> None:
        super().__init__(async_handlers=False, **options)
        self._handler = handler
        self._open: set[str] = set()
        self.on("connect", self._connect)
        self.on("disconnect", self._disconnect)
        self.on("*", self._handle)

    @property
    def connections(self) -> list[str]:
        """Ids of the admitted connections."""
        return list(self._open)

    def unsent(self, cid: str) -> int:
        """Packets that wait because the client does not read: unknown here."""
        del cid
        return 0

    def keep_alive(self, cid: str) -> None:
        """Do nothing: a client whose event waits too long reconnects and sends it again."""

    def send_away(self, cid: str, *, flushes: bool) -> None:
        """Make a client close the connection and connect again, or close it if the client does not."""
        del flushes
        if cid in self._open:
            self.start_background_task(self._send_away, cid, self.manager.eio_sid_from_sid(cid, NAMESPACE))

    async def _send_away(self, cid: str, eio_sid: str) -> None:
        await self.eio.send_packet(eio_sid, _NoPacket())
        await self.sleep(LEAVE_SECONDS)
        if cid in self._open:
            await self.eio.disconnect(eio_sid)

    async def _connect(self, sid: str, environ: Any, auth: Any) -> None:
        await self._handler.connect(sid, environ, auth)
        self._open.add(sid)

    async def _disconnect(self, sid: str, reason: str = "") -> None:
        self._open.discard(sid)
        self._handler.disconnect(sid, reason)

    async def _handle(self, event: str, sid: str, *arguments: Any) -> dict[str, Any]:
        acknowledged: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()

        def acknowledge(content: dict[str, Any]) -> None:
            if not acknowledged.done():
                acknowledged.set_result(content)

        await self._handler.handle(sid, [event, *arguments], acknowledge)
        return await acknowledged


def new_server(
    handler: EventHandler, *, max_bytes: int, allows_origin: Callable[[str, Any], bool], log_level: int
) -> FastServer | PublicServer:
    """A server for `handler`. `max_bytes` bounds one packet, or a request that carries several."""
    loggers = logging.getLogger("socketio"), logging.getLogger("engineio")
    for logger in loggers:
        logger.setLevel(log_level)
    # The library's own limit of 16 packets would make it drop them all, and answer `ok`.
    Payload.max_decode_packets = MAX_REQUEST_PACKETS
    kind: type[FastServer | PublicServer] = FastServer
    if CHANGED is not None:
        warn_once(CHANGED, "Socket.IO events are handled one by one, more slowly")
        kind = PublicServer
    return kind(
        handler,
        async_mode="asgi",
        namespaces=[NAMESPACE],
        cors_allowed_origins=allows_origin,
        max_http_buffer_size=max_bytes,
        logger=loggers[0],
        engineio_logger=loggers[1],
    )


def websocket_protocol() -> type[uvicorn_guard.GuardedWebSocket]:
    """The web socket implementation that uvicorn has to use (its option `ws`)."""
    return fast_web_socket.FastWebSocket if CHANGED is None else uvicorn_guard.GuardedWebSocket
