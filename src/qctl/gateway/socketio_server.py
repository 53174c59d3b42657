"""The Socket.IO server: clients receive live events of the jobs of the user whose token they send.

A client that reconnects receives the events it missed. The official client supports this by itself: if the server
sends a `pid`, it stores the last argument of each event, if that is a string, and sends both when it reconnects
(https://socket.io/docs/v4/connection-state-recovery). Here that argument is the event's offset in the stream, so any
gateway can continue where another one stopped. Handlers of Python clients would fail with an additional argument, so
these get it only if they send `recover: true` beside their token.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import secrets
from bisect import bisect_right
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import socketio
from fastapi.concurrency import run_in_threadpool
from socketio.exceptions import ConnectionRefusedError as NotAdmittedError

from qctl.compat.engineio_server import NOOP, close_session, has_session
from qctl.compat.engineio_server import Packet as EnginePacket
from qctl.errors import QctlError
from qctl.gateway import login_cookie
from qctl.gateway.dependencies import Backend
from qctl.gateway.job_routes import counts
from qctl.gateway.middleware import Application, Receive, Scope, Send
from qctl.gateway.owner_events import OFFSET, OwnerEvent, OwnerEventFollower, parse_offset
from qctl.gateway.tokens import Caller
from qctl.guard.connections import refuse
from qctl.guard.sessions import PacketLimits, SessionGuard
from qctl.sources.asgi_front import PATH

log = logging.getLogger(__name__)

NAMESPACE = "/"

MAX_PACKET_BYTES = 100_000
"""Largest packet of a client. Clients send only a token and `request:stats`."""

MAX_REQUEST_PACKETS = 64
PACKETS_PER_SECOND = 20.0
"""Packets of an authenticated client in one request, and per second; more are read later."""

MAX_REPLAY_EVENTS = 20_000
"""Owner events kept in memory for clients that reconnect; a client that missed more is not recovered."""

SESSION_CHECK_SECONDS = 5.0
"""Time (s) between checks whether the login of a connected client has ended."""

_OFFICIAL = re.compile(r"Mozilla/|node-XMLHttpRequest")
"""User agents of browsers and of the official client on Node when it polls."""


@dataclass
class Client:
    """An authenticated connection. `after`: offset of the last event that it received before it reconnected."""

    user: Caller
    recovers: bool
    pid: str
    after: str | None
    expiry: asyncio.TimerHandle | None = None
    counting: bool = False


class LiveServer(socketio.AsyncServer):  # type: ignore[misc]
    """The Socket.IO server of one gateway."""

    def __init__(self, backend: Backend) -> None:
        level = logging.DEBUG if backend.settings.log_level == "debug" else logging.WARNING
        loggers = logging.getLogger("socketio"), logging.getLogger("engineio")
        for logger in loggers:
            logger.setLevel(level)
        super().__init__(
            async_mode="asgi",
            serializer=_packet_class(self),
            namespaces=[NAMESPACE],
            cors_allowed_origins=self._is_allowed_origin,
            max_http_buffer_size=MAX_PACKET_BYTES,
            logger=loggers[0],
            engineio_logger=loggers[1],
        )
        self._backend = backend
        self.sessions = SessionGuard(
            self.handle_request,
            PacketLimits(MAX_PACKET_BYTES, MAX_REQUEST_PACKETS, PACKETS_PER_SECOND, counts_events=True),
            backend.denials,
            max_unadmitted=backend.settings.max_unadmitted,
            admission_seconds=backend.settings.request_timeout,
            has_session=partial(has_session, self.eio),
            close=partial(close_session, self.eio),
        )
        """The ASGI application."""
        self._follower = OwnerEventFollower(backend.ops, backend.service, backend.settings.shapes)
        self._clients: dict[str, Client] = {}
        self._complete_after: tuple[int, int, int] | None = None
        """Offset after which the replay buffer has every event."""
        self._last = ""
        self._replay: deque[OwnerEvent] = deque()
        self._publish_lock = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()
        self.draining = False
        """Refuse new connections."""
        self.on("connect", self._authenticate)
        self.on("disconnect", self._remove)
        self.on("request:stats", self._send_counts)

    async def serve(self) -> None:
        """Publish owner events until cancelled. Raises only on a defect."""
        loop = asyncio.get_running_loop()
        thread = ThreadPoolExecutor(1, "owner-events")

        def on_start(after: str) -> None:
            loop.call_soon_threadsafe(self._start, after)

        def publish(owner_events: list[OwnerEvent]) -> None:
            asyncio.run_coroutine_threadsafe(self._publish(owner_events), loop).result()

        try:
            follower = loop.run_in_executor(thread, self._follower.run, on_start, publish)
            await asyncio.gather(follower, self._end_logged_out())
        finally:
            self._follower.stop()
            await asyncio.shield(run_in_threadpool(thread.shutdown))

    async def drain(self) -> None:
        """Refuse new connections and end open polls, so that clients reconnect to another gateway or later."""
        self.draining = True
        for waiting in list(self.eio.sockets.values()):
            if not waiting.upgraded:
                await waiting.send(EnginePacket(NOOP))

    # --- events -------------------------------------------------------------------------------------------

    def _start(self, after: str) -> None:
        self._complete_after, self._last = parse_offset(after), after

    async def _publish(self, owner_events: Sequence[OwnerEvent]) -> None:
        """Send events to the connected clients of their owners, and keep them for replay."""
        for event in owner_events:
            async with self._publish_lock:
                self._last = event.offset
                self._replay.append(event)
                if len(self._replay) > MAX_REPLAY_EVENTS:
                    self._complete_after = parse_offset(self._replay.popleft().offset)
                if not self._backend.creations.has_clients(event.owner):
                    continue
                for name, document, offset in event.messages_after():
                    await self.emit(name, document, room=_room(event.owner, recovers=False))
                    await self.emit(name, (document, offset), room=_room(event.owner, recovers=True))
                if event.created_job:
                    self._backend.creations.announced(event.created_job)

    async def _catch_up(self, sid: str, client: Client) -> None:
        """Send a client the events that it missed, then subscribe it, with no event in between."""
        async with self._publish_lock:
            recovered = self._can_replay(client.after)
            for name, document, offset in (
                self._since(client.after, client.user.id) if recovered and client.after else ()
            ):
                await self.emit(name, (document, offset) if client.recovers else document, to=sid)
            if client.recovers and self._last:
                await self.emit("live:ready", ({"recovered": recovered}, self._last), to=sid)
            with contextlib.suppress(ValueError):  # it has disconnected meanwhile
                await self.enter_room(sid, _room(client.user.id, recovers=client.recovers))

    def _can_replay(self, after: str | None) -> bool:
        """Check whether the replay buffer has every event after this offset."""
        return after is not None and self._complete_after is not None and parse_offset(after) >= self._complete_after

    def _since(self, after: str, user: str) -> Iterator[tuple[str, dict[str, Any], str]]:
        """Messages that a user has not received, with their offsets."""
        replay, received = list(self._replay), parse_offset(after)
        for event in replay[bisect_right([parse_offset(event.offset) for event in replay], received) :]:
            if event.owner == user:
                of_same_entry = parse_offset(event.offset)[:2] == received[:2]
                yield from event.messages_after(received[2] if of_same_entry else 0)

    # --- clients ------------------------------------------------------------------------------------------

    def _is_allowed_origin(self, origin: str, environ: Any) -> bool:
        """Allow pages of the origins in FRONTEND_URL and of this server itself."""
        allowed = self._backend.settings.frontend_url
        return "*" in allowed or origin in allowed or urlsplit(origin).netloc == environ.get("HTTP_HOST")

    async def _authenticate(self, sid: str, environ: Any, auth: Any) -> None:
        fields = auth if isinstance(auth, dict) else {}
        token = fields.get("token") or login_cookie.token_of_handshake(
            environ.get("HTTP_ORIGIN"),
            environ.get("HTTP_HOST", ""),
            environ.get("HTTP_COOKIE", ""),
            self._backend.settings,
        )
        if not isinstance(token, str) or not token:
            raise NotAdmittedError("Authentication error: No token provided")
        try:
            user = self._backend.tokens.read(token)
            await self._backend.sessions.require(user)
        except QctlError:
            raise NotAdmittedError("Authentication error: Invalid token") from None
        after, pid = fields.get("offset"), fields.get("pid")
        after = after if isinstance(after, str) and OFFSET.fullmatch(after) else None
        is_official = _OFFICIAL.match(environ.get("HTTP_USER_AGENT", "")) is not None
        reconnects = isinstance(pid, str) and len(pid) <= 64
        client = Client(
            user,
            recovers=is_official or reconnects or fields.get("recover") is True,
            pid=str(pid) if reconnects and self._can_replay(after) else secrets.token_urlsafe(16),
            after=after,
        )
        remaining = (user.expires - datetime.now(timezone.utc)).total_seconds()
        client.expiry = asyncio.get_running_loop().call_later(max(0.0, remaining), self._expire, sid)
        self._clients[sid] = client
        self._backend.creations.connected(user.id)
        self._follower.watch(True)
        self.sessions.admit(environ)

    def accept(self, connect: dict[str, Any]) -> None:
        """Complete the data of the packet that accepts a client, and catch up once that packet is on its way."""
        client = self._clients.get(connect["sid"])
        if client is None:
            return
        if client.recovers:
            connect["pid"] = client.pid
        asyncio.get_running_loop().call_soon(self._start_catching_up, connect["sid"], client)

    def _start_catching_up(self, sid: str, client: Client) -> None:
        task = asyncio.get_running_loop().create_task(self._catch_up(sid, client))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _expire(self, sid: str) -> None:
        """Disconnect a client whose token has expired. The official client then does not reconnect with that token."""
        task = asyncio.get_running_loop().create_task(self.disconnect(sid))
        task.add_done_callback(lambda done: done.exception())

    async def _end_logged_out(self) -> None:
        """Disconnect clients whose login has ended, until cancelled."""
        while True:
            await asyncio.sleep(SESSION_CHECK_SECONDS)
            for sid, client in list(self._clients.items()):
                with contextlib.suppress(QctlError):  # Redis is away: nothing is sent meanwhile
                    if not await self._backend.sessions.is_open(client.user):
                        self._expire(sid)

    async def _remove(self, sid: str, *_: Any) -> None:
        client = self._clients.pop(sid, None)
        if client is None:
            return
        self._backend.creations.disconnected(client.user.id)
        self._follower.watch(bool(self._clients))
        if client.expiry is not None:
            client.expiry.cancel()

    async def _send_counts(self, sid: str, *_: Any) -> dict[str, int] | None:
        """Handle `request:stats`: emit `stats:update`, and return the counts for the acknowledgement."""
        client = self._clients.get(sid)
        if client is None or client.counting:  # a count is in progress
            return None
        client.counting = True
        try:
            job_counts = counts(await run_in_threadpool(self._backend.service.jobs_of, client.user.id)).model_dump()
        except QctlError as error:
            log.warning("jobs of a client cannot be counted: %s", error.message)
            return None
        finally:
            client.counting = False
        await self.emit("stats:update", job_counts, to=sid)
        return job_counts


def _packet_class(server: LiveServer) -> type[Any]:
    """The packets of a server, which completes the packet that accepts a client before it is sent."""

    class Packet(socketio.packet.Packet):  # type: ignore[misc]
        def encode(self) -> Any:
            """Encode the packet."""
            if self.packet_type == socketio.packet.CONNECT and isinstance(self.data, dict):
                server.accept(self.data)
            return super().encode()

    return Packet


class FrontApplication:
    """ASGI application that routes the path of Socket.IO to `live` and all other paths to `app`."""

    def __init__(self, live: LiveServer, app: Application) -> None:
        self._live = live
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request or web socket. Anything but Engine.IO packets ends it."""
        path = scope.get("path", "")
        if path != PATH and not path.startswith(PATH + "/"):
            await self._app(scope, receive, send)
        elif self._live.draining and scope["type"] != "websocket":
            await refuse(scope, receive, send)
        else:
            await self._live.sessions(scope, receive, send)


def _room(user: str, *, recovers: bool) -> str:
    """The room of a user's clients that get the offset of each event, or of those that do not."""
    return f"{'recovering' if recovers else 'plain'}:{user}"
