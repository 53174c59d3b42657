"""The Socket.IO server: takes the event `data` from its clients, and answers each when its message is committed.

python-socketio hands an event to its handler without saying whether the client waits for an answer, and makes a task
of each; so `_handle_event` is overridden, which is called for the events of a connection one after another, in the
order they came. What it waits for is not read from that connection meanwhile: that is the rate limit, and how a full
line slows its clients down. An event that nothing has to be waited for is taken before it gets there (wire.py).

How a client is sent away: it is told something that is no packet of Engine.IO. Every client library then closes its
side, at once, and connects again by itself; what its program sends meanwhile it keeps. What it had sent before comes
before its close, so all of that is read. Were the connection closed from here, messages that are on their way would be
lost, and after a `disconnect` packet the official client does not connect again.

A client that polls would forget what waits for its last request to return. The official one, where it is recent, is
told something that is no packet of Socket.IO first: then it sends all it has before it closes.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import socketio
from engineio.packet import MESSAGE
from engineio.packet import Packet as EnginePacket
from engineio.payload import Payload
from socketio.exceptions import ConnectionRefusedError as NotAdmittedError

from qctl.compat.socketio_fast_path import Engine
from qctl.errors import RefusedError, RejectedError
from qctl.settings import Settings
from qctl.sources import message_parser
from qctl.sources.group_commit import Entry, GroupCommit
from qctl.sources.socket_auth import admit

log = logging.getLogger(__name__)

NAMESPACE = "/"

GRACE, LAST = 2.0, 10.0
"""Seconds of silence after which the connection of a client that was sent away is closed from here, and seconds after
which it is even if it goes on sending."""

POLITE = 1.0
"""Seconds of these that a polling client has to send what it still has."""

INVALID_COST = 10
"""Messages that an invalid one counts as, in the rate of a connection: a dead letter is as much work."""

MAX_UNSENT = 5000
"""Packets that may wait for a client which does not read; then nothing more is read from it."""

EVENT = f"{MESSAGE}{socketio.packet.EVENT}".encode()
"""How an event without attachments begins."""

MAX_ATTACHMENTS = 10
"""Binary attachments of an event. No event that is taken has any."""

NONSENSE = "x"
"""How no packet begins, neither of Engine.IO nor of Socket.IO."""

_RECENT = re.compile(r"(?:^|&)t=[0-9a-z]{8}(?:&|$)")
"""In the query of the official client since 4.8 (June 2024). Those before 4.5.2 do not catch what they throw at a
packet that is none, which would end a program on Node."""

READ_AGAIN = 0.05
"""Seconds between two looks whether a client reads again."""

_encoder = json.JSONEncoder(check_circular=False, separators=(",", ":"))


@dataclass
class Client:
    """One connection that was admitted. `user` is the only one it may send messages of, None where any."""

    user: str | None
    allowance: float
    """Messages that it may send now."""
    finishes: bool
    """It sends what it has before it closes, when it is told what is no packet of Socket.IO."""
    wants_answers: bool = True
    """It asked for one the last time."""
    leaving: bool = False
    heard_at: float = field(default_factory=time.monotonic)
    """When it last sent something (monotonic)."""

    def earn(self, rate: float) -> None:
        """It sends something now: what has become of its allowance, at so many messages a second."""
        now = time.monotonic()
        self.allowance = min(rate, self.allowance + (now - self.heard_at) * rate)
        self.heard_at = now


class MalformedError(Exception):
    """What a client sent is no packet of Socket.IO."""


class Packet(socketio.packet.Packet):  # type: ignore[misc]
    """A packet that says so where it cannot be read, and has few attachments."""

    def decode(self, encoded_packet: Any) -> int:
        """Read a packet. Raises MalformedError."""
        try:
            attachments: int = super().decode(encoded_packet)
        except Exception as error:
            raise MalformedError(type(error).__name__) from error
        if attachments > MAX_ATTACHMENTS:
            raise MalformedError("it has too many attachments")
        return attachments

    def add_attachment(self, attachment: Any) -> bool:
        """Take an attachment; True where it was the last one. Raises MalformedError."""
        try:
            return bool(super().add_attachment(attachment))
        except Exception as error:
            raise MalformedError(type(error).__name__) from error


class Goodbye:
    """What makes a client close the connection and connect again: no packet of Engine.IO begins like this."""

    def encode(self, b64: bool = False) -> str:
        """As it is sent."""
        del b64
        return NONSENSE


class SocketServer(socketio.AsyncServer):  # type: ignore[misc]
    """The server of one process. `commit` is where messages go."""

    def __init__(self, settings: Settings, commit: GroupCommit) -> None:
        level = logging.DEBUG if settings.log_level == "debug" else logging.WARNING
        loggers = logging.getLogger("socketio"), logging.getLogger("engineio")
        for logger in loggers:
            logger.setLevel(level)
        self.max_bytes = max(1_000_000, 4 * settings.max_payload)
        """Bytes of one packet, or of a request that carries several."""
        # A polling client sends what it kept while it was away in one request. The library's own limit of 16 packets
        # makes it drop all of them, and answer `ok`.
        Payload.max_decode_packets = self.max_bytes
        super().__init__(
            async_mode="asgi",
            serializer=Packet,
            namespaces=[NAMESPACE],
            cors_allowed_origins=self._lets_in,
            max_http_buffer_size=self.max_bytes,
            logger=loggers[0],
            engineio_logger=loggers[1],
        )
        self._settings = settings
        self._commit = commit
        self._clients: dict[str, Client] = {}
        self.eio.take = self._take_at_once
        self.on("connect", self._admit)
        commit.on_busy.append(self._send_away_silent_ones)

    @property
    def connections(self) -> int:
        """Connections there are, admitted or not."""
        return len(self.eio.sockets)

    def send_all_away(self) -> None:
        """Have every client connect again, elsewhere or later."""
        for eio_sid in list(self.eio.sockets):
            self._send_away(eio_sid)

    def _send_away_silent_ones(self) -> None:
        """Have those connect again who would not hear that nothing can be taken now."""
        for eio_sid, client in list(self._clients.items()):
            if not client.wants_answers:
                self._send_away(eio_sid)

    def _engineio_server_class(self) -> type[Engine]:
        """What the library makes its Engine.IO server of."""
        return Engine

    # --- who is there -------------------------------------------------------------------------------------

    def _lets_in(self, origin: str, environ: Any) -> bool:
        """Whether pages of an origin may connect: those of CLIENT_URL, and this server's own, which libraries outside
        of browsers name."""
        allowed = self._settings.client_url
        return "*" in allowed or origin in allowed or urlsplit(origin).netloc == environ.get("HTTP_HOST")

    async def _admit(self, sid: str, environ: Any, auth: Any) -> None:
        try:
            user = admit(self._settings, auth)
        except RefusedError as error:
            log.debug("a client is not admitted: %s", error.message)
            raise NotAdmittedError(error.message) from None
        recent = _RECENT.search(environ.get("QUERY_STRING", "")) is not None
        eio_sid = self.manager.eio_sid_from_sid(sid, NAMESPACE)
        log.debug("a client is let in, %s", "with a token" if user else "as nobody in particular")
        self._clients[eio_sid] = Client(user, self._settings.socket_rate, finishes=recent)

    async def _handle_eio_disconnect(self, eio_sid: str, reason: str) -> None:
        """What the library calls when a connection ends."""
        log.debug("a connection ends: %s", reason)
        await super()._handle_eio_disconnect(eio_sid, reason)
        self._clients.pop(eio_sid, None)
        socket = self.eio.sockets.get(eio_sid)
        if socket is not None:  # a request that waits for packets would go on waiting
            asyncio.get_running_loop().call_soon(socket.queue.put_nowait, None)

    # --- what comes ---------------------------------------------------------------------------------------

    async def _handle_eio_message(self, eio_sid: str, data: Any) -> None:
        """What the library calls for each packet. One that cannot be read ends the connection."""
        try:
            await super()._handle_eio_message(eio_sid, data)
        except (MalformedError, ValueError) as error:
            log.info("a client is sent away: what it sent is no packet (%s)", error)
            self._binary_packet.pop(eio_sid, None)
            self._send_away(eio_sid)

    async def _handle_event(self, eio_sid: str, namespace: str | None, id: int | None, data: Any) -> None:
        """What the library calls for each event; `id` is None where no answer is wanted."""
        client = self._clients.get(eio_sid)
        if client is None or (namespace or NAMESPACE) != NAMESPACE:
            return
        client.wants_answers = id is not None
        await self._pace(eio_sid, client)
        self._take(eio_sid, client, id, data)

    def _take_at_once(self, eio_sid: str, data: bytes) -> bool:
        """What the wire calls: take an event, or False where it has to wait, or is for the library to look at."""
        client = self._clients.get(eio_sid)
        if client is None or not data.startswith(EVENT) or eio_sid in self._binary_packet:
            return False
        try:
            packet = Packet(encoded_packet=data[1:].decode())
        except (MalformedError, ValueError):
            return False
        client.wants_answers = packet.id is not None
        client.earn(self._settings.socket_rate)
        unsent = self.eio.sockets[eio_sid].queue.qsize()
        if packet.namespace or client.allowance < 1 or self._is_full_for(client) or unsent > MAX_UNSENT:
            return False
        client.allowance -= 1
        self._take(eio_sid, client, packet.id, packet.data)
        return True

    def _take(self, eio_sid: str, client: Client, id: int | None, data: Any) -> None:
        self._commit.put(self._entry(client, data, self._answering(eio_sid, id)))
        if self._commit.busy is not None and id is None:
            self._send_away(eio_sid)

    def _entry(self, client: Client, event: Any, answer: Callable[[dict[str, Any]], None] | None) -> Entry:
        received_ns = time.time_ns()
        try:
            item = message_parser.parse(event, client.user, received_ns, self._settings.max_payload)
        except RejectedError as error:
            client.allowance -= INVALID_COST - 1
            reject = message_parser.reject(event, client.user, received_ns, error.message)
            refusal = {
                "ok": False,
                "code": "invalid",
                "reason": error.message,
                "msg_id": message_parser.msg_id_of(event),
            }
            return Entry(reject, len(reject.args[0]), refusal, answer)
        encoded = message_parser.encode(item)
        return Entry(encoded, len(encoded), {"ok": True, "msg_id": item["msg_id"]}, answer)

    def _answering(self, eio_sid: str, id: int | None) -> Callable[[dict[str, Any]], None] | None:
        if id is None:
            return None

        def answer(content: dict[str, Any]) -> None:
            socket = self.eio.sockets.get(eio_sid)
            if socket is not None and not socket.closed:
                socket.queue.send(f"{socketio.packet.ACK}{id}{_encoder.encode([content])}")

        return answer

    async def _pace(self, eio_sid: str, client: Client) -> None:
        """Wait until the next message of this client may be taken."""
        rate = self._settings.socket_rate
        client.earn(rate)
        client.allowance -= 1
        if client.allowance < 0 and not client.leaving:
            await self._wait(eio_sid, asyncio.sleep(-client.allowance / rate))
        if self._is_full_for(client):
            await self._wait(eio_sid, self._commit.room())
        socket = self.eio.sockets.get(eio_sid)
        while socket is not None and socket.queue.qsize() > MAX_UNSENT and not socket.closed:
            await asyncio.sleep(READ_AGAIN)

    def _is_full_for(self, client: Client) -> bool:
        """Whether the next message must wait for room: while all are told that it is busy, only where it is kept."""
        return not self._commit.has_room and (self._commit.busy is None or not client.wants_answers)

    async def _wait(self, eio_sid: str, what: Any) -> None:
        """Wait for something, and take the client for alive as long: its pong may be behind what is not read."""
        waiting = asyncio.ensure_future(what)
        while not waiting.done():
            socket = self.eio.sockets.get(eio_sid)
            if socket is not None and socket.last_ping:
                socket.last_ping = time.time()
            await asyncio.wait([waiting], timeout=1.0)

    # --- sending away -------------------------------------------------------------------------------------

    def _send_away(self, eio_sid: str) -> None:
        """Make a client close the connection and connect again."""
        socket = self.eio.sockets.get(eio_sid)
        client = self._clients.get(eio_sid)
        if socket is None or (client is not None and client.leaving):
            return
        loop = asyncio.get_running_loop()
        if client is not None and client.finishes and not socket.upgraded:
            socket.queue.put_nowait(EnginePacket(MESSAGE, NONSENSE))
            loop.call_later(POLITE, socket.queue.put_nowait, Goodbye())
        else:
            socket.queue.put_nowait(Goodbye())
        if client is not None:
            client.leaving = True
        loop.call_later(GRACE, self._hang_up, eio_sid, socket, time.monotonic() + LAST)

    def _hang_up(self, eio_sid: str, socket: Any, last: float) -> None:
        """Close a connection whose client did not, once nothing more comes over it."""
        if self.eio.sockets.get(eio_sid) is not socket or socket.closed:
            return
        now, client = time.monotonic(), self._clients.get(eio_sid)
        if client is not None and now - client.heard_at < GRACE and now < last:
            asyncio.get_running_loop().call_later(GRACE, self._hang_up, eio_sid, socket, last)
        elif socket.upgraded:
            socket.queue.put_nowait(None)  # ends its writer, which closes the web socket
        else:
            self.start_background_task(socket.close, wait=False, reason=self.reason.SERVER_DISCONNECT)
