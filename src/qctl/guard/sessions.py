"""ASGI middleware before a Socket.IO server: limits what a client sends before and after it is admitted.

A session begins with the request that opens it, and is admitted when the application has accepted its token.
Until then it may send one CONNECT, 16 packets and 8 kB, for the time of QCTL_REQUEST_TIMEOUT. It waits in a room apart,
so that it takes no place of admitted ones. Afterwards its packets have a rate, at which more are read later.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

from qctl.guard import packets
from qctl.guard.addresses import site_of
from qctl.guard.connections import Application, Message, Receive, Scope, Send, refuse
from qctl.guard.denials import Denials
from qctl.guard.packets import BadRequestError
from qctl.guard.waiting_room import WaitingRoom

SESSION = "qctl.session"
"""Key of the session in the scope of the request that opened it."""

WEB_SOCKET = "qctl.web_socket"
"""Key in the extensions of a web socket's scope that leads to the object whose `limit_messages` bounds them."""

MAX_UNADMITTED_BYTES = 8192
MAX_UNADMITTED_PACKETS = 16
"""Limits of a session before it is admitted: of its CONNECT, and the packets that change to a web socket."""

SWEEP_SECONDS = 10.0
"""Time (s) between two removals of sessions that have ended."""

PROTOCOL_ERROR = 1002
"""Close code of a web socket whose client does not follow the protocol."""

_OPEN = "0{"
"""First characters of the packet that tells a client its session's id."""


@dataclass(frozen=True)
class PacketLimits:
    """Limits of an admitted session. `rate`: packets per second; `counts_events`: events are among them."""

    max_bytes: int
    max_request_packets: int
    rate: float
    counts_events: bool


@dataclass(eq=False)
class Session:
    """A Socket.IO client. `sid` is None until the server has told its id."""

    site: str
    polls: bool = True
    """False if a web socket opened it, and ends it."""
    sid: str | None = None
    admitted: bool = False
    connects: int = 0
    packets: int = 0
    size: int = 0
    closed: asyncio.Future[None] | None = None
    """Done when its web socket must end, None without one."""
    deadline: asyncio.TimerHandle | None = None
    allowance: float = 0.0
    charged_at: float = field(default_factory=time.monotonic)


class SessionGuard:
    """The sessions of one Socket.IO server, `app`. `has_session` tells whether an id is one of an open session of it,
    and `close` ends one that polls."""

    def __init__(
        self,
        app: Application,
        limits: PacketLimits,
        denials: Denials,
        *,
        max_unadmitted: int,
        admission_seconds: float,
        has_session: Callable[[str], bool],
        close: Callable[[str], Awaitable[None]],
    ) -> None:
        self._app = app
        self._limits = limits
        self._denials = denials
        self._max_unadmitted = max_unadmitted
        self._admission_seconds = admission_seconds
        self._has_session = has_session
        self._close = close
        self._by_sid: dict[str, Session] = {}
        self._waiting: WaitingRoom[Session] = WaitingRoom()
        self._swept_at = time.monotonic()
        self._closing: set[asyncio.Future[None]] = set()

    @property
    def unadmitted(self) -> int:
        """Number of sessions that are not admitted."""
        return len(self._waiting)

    def admit(self, environ: Any) -> None:
        """Admit the session of a client, named by the environment that the library passes to its handlers."""
        session: Session | None = environ.get("asgi.scope", {}).get(SESSION)
        if session is not None:
            session.admitted = True
            session.allowance, session.charged_at = self._limits.rate, time.monotonic()
            self._leave(session)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request or web socket. Whatever no client sends ends it."""
        self._sweep()
        sid = parse_qs(scope.get("query_string", b"").decode("latin-1")).get("sid", [None])[0]
        session = self._by_sid.get(sid) if sid is not None else None
        if sid is None and (scope["type"] == "websocket" or scope["method"] == "GET"):
            await self._open(scope, receive, send)
        elif session is None:  # the server refuses it, whatever it sends
            await self._app(
                *((scope, receive) if scope["type"] == "websocket" else packets.with_body(scope, b"")), send
            )
        elif scope["type"] == "websocket":
            await self._serve_web_socket(session, scope, receive, send)
        else:
            await self._serve_request(session, scope, receive, send)

    # --- the life of a session ----------------------------------------------------------------------------

    async def _open(self, scope: Scope, receive: Receive, send: Send) -> None:
        session = Session(site_of((scope.get("client") or ("",))[0]), polls=scope["type"] == "http")
        scope = {**scope, SESSION: session}
        self._waiting.add(session, session.site)
        session.deadline = asyncio.get_running_loop().call_later(self._admission_seconds, self._end, session)
        if len(self._waiting) > self._max_unadmitted:
            crowding = self._waiting.pop_crowding()
            if crowding is not None:
                self._end(crowding)
        try:
            serve = self._serve_request if session.polls else self._serve_web_socket
            await serve(session, scope, receive, self._note_sid(session, send))
        finally:
            if not session.polls or session.sid is None:
                self._remove(session)

    def _note_sid(self, session: Session, send: Send) -> Send:
        """Watch the packets to a client for the one that tells its id."""

        async def watched(message: Message) -> None:
            if session.sid is None:
                text = message.get("text") or (message.get("body") or b"").decode(errors="replace")
                if text.startswith(_OPEN):
                    session.sid = json.loads(text[1:].partition(packets.SEPARATOR.decode())[0])["sid"]
                    self._by_sid[str(session.sid)] = session
            await send(message)

        return watched

    def _end(self, session: Session) -> None:
        """End a session that was not admitted."""
        if session.admitted:
            return
        self._denials.note("unadmitted", session.site)
        if session.closed is not None and not session.closed.done():
            session.closed.set_result(None)
        if session.polls and session.sid is not None:
            closing = asyncio.ensure_future(self._close(session.sid))
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)
        self._remove(session)

    def _leave(self, session: Session) -> None:
        """Take a session out of those that wait."""
        self._waiting.remove(session)
        if session.deadline is not None:
            session.deadline.cancel()
            session.deadline = None

    def _remove(self, session: Session) -> None:
        self._leave(session)
        if session.sid is not None:
            self._by_sid.pop(session.sid, None)

    def _sweep(self) -> None:
        """Forget sessions by polling that have ended: by their client, or by silence."""
        now = time.monotonic()
        if now - self._swept_at > SWEEP_SECONDS:
            self._swept_at = now
            for sid, session in list(self._by_sid.items()):
                if not self._has_session(sid):
                    self._remove(session)

    # --- what it sends ------------------------------------------------------------------------------------

    async def _serve_request(self, session: Session, scope: Scope, receive: Receive, send: Send) -> None:
        limits = self._limits
        try:
            packets.refuse_jsonp(scope)
            body = await packets.read_body(receive, limits.max_bytes if session.admitted else MAX_UNADMITTED_BYTES)
            max_packets = limits.max_request_packets if session.admitted else MAX_UNADMITTED_PACKETS
            sent = packets.parse_body(body, max_packets)
            if not session.admitted:
                for packet in sent:
                    _count_unadmitted(session, packet, len(packet))
        except BadRequestError as error:
            self._denials.note("packets", session.site)
            if session.sid is not None:
                await self._close(session.sid)
            self._remove(session)
            await refuse(scope, receive, send, error.status, f"{error}\n".encode())
            return
        if session.admitted:
            await self._charge(session, sum(self._costs(packet) for packet in sent))
        scope, receive = packets.with_body(scope, body)
        await self._app(scope, receive, send)

    async def _serve_web_socket(self, session: Session, scope: Scope, receive: Receive, send: Send) -> None:
        session.closed = closed = asyncio.get_running_loop().create_future()
        web_socket = (scope.get("extensions") or {}).get(WEB_SOCKET)
        if web_socket is not None:
            web_socket.limit_messages(MAX_UNADMITTED_BYTES)
        try:
            await self._app(scope, self._guarded(session, closed, receive, web_socket), send)
        finally:
            session.closed = None

    def _guarded(self, session: Session, closed: asyncio.Future[None], receive: Receive, web_socket: Any) -> Receive:
        """Wrap a web socket's `receive`: the first message that no client sends ends the connection."""
        handshake = [packets.UPGRADE, packets.PROBE] if session.sid is not None else []
        is_limited = web_socket is not None

        async def receive_packet() -> Message:
            nonlocal is_limited
            if session.admitted:
                if is_limited:
                    web_socket.limit_messages(self._limits.max_bytes)
                    is_limited = False
                message = await receive()
            else:
                message = await _receive_unless(closed, receive)
            if message["type"] != "websocket.receive":
                return message
            packet, size = _content(message)
            if handshake and packet == handshake[-1]:
                handshake.pop()
            elif message.get("bytes") is None and (not packet or packet[0] not in packets.CLIENT_PACKETS):
                return self._break(session)
            if session.admitted:
                await self._charge(session, self._costs(packet))
                return message
            try:
                _count_unadmitted(session, packet, size)
            except BadRequestError:
                return self._break(session)
            return message

        return receive_packet

    def _break(self, session: Session) -> Message:
        self._denials.note("packets", session.site)
        return {"type": "websocket.disconnect", "code": PROTOCOL_ERROR}

    def _costs(self, packet: str) -> int:
        """Packets that a packet counts as in the session's rate."""
        return 0 if not self._limits.counts_events and packet.startswith(packets.EVENT) else 1

    async def _charge(self, session: Session, count: int) -> None:
        """Wait until the rate of an admitted session allows for so many packets."""
        if not count:
            return
        rate, now = self._limits.rate, time.monotonic()
        session.allowance = min(rate, session.allowance + (now - session.charged_at) * rate) - count
        session.charged_at = now
        if session.allowance < 0:
            await asyncio.sleep(-session.allowance / rate)


async def _receive_unless(closed: asyncio.Future[None], receive: Receive) -> Message:
    """Wait for a message, or until the session must end."""
    receiving: asyncio.Future[Any] = asyncio.ensure_future(receive())
    try:
        await asyncio.wait({receiving, closed}, return_when=asyncio.FIRST_COMPLETED)
        if receiving.done():
            message: Message = receiving.result()
            return message
        return {"type": "websocket.disconnect", "code": PROTOCOL_ERROR}
    finally:
        if not receiving.done():
            receiving.cancel()
            with suppress(asyncio.CancelledError):
                await receiving


def _content(message: Message) -> tuple[str, int]:
    """A packet of a web socket: its text, "" if it is binary, and its size."""
    binary = message.get("bytes")
    if binary is not None:
        return "", len(binary)
    text = message.get("text") or ""
    return text, len(text)


def _count_unadmitted(session: Session, packet: str, size: int) -> None:
    """Count a packet before its session is admitted. Raises BadRequestError beyond the limits."""
    session.packets += 1
    session.size += size
    session.connects += packet.startswith(packets.CONNECT)
    if session.connects > 1:
        raise BadRequestError(400, "a session may ask once to be admitted")
    if session.packets > MAX_UNADMITTED_PACKETS or session.size > MAX_UNADMITTED_BYTES:
        raise BadRequestError(413, f"at most {MAX_UNADMITTED_PACKETS} packets and {MAX_UNADMITTED_BYTES} bytes first")
