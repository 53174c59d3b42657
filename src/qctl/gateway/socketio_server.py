"""The live side: Socket.IO clients hear what happens to the jobs of the user whose token they bring.

Who was away for a moment hears what was missed. The official client does by itself what is needed for that: where the
server names it a `pid`, it remembers the last argument of each event, if that is a text, and brings both when it comes
back (https://socket.io/docs/v4/connection-state-recovery). Here that argument is the event's place in the stream, so
any gateway can go on where another one ended. A client in Python would stumble over an argument more; it gets it where
it says `recover: true` beside its token.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import secrets
from bisect import bisect_right
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any
from urllib.parse import urlsplit

import socketio
from engineio.packet import NOOP
from engineio.packet import Packet as EnginePacket
from fastapi.concurrency import run_in_threadpool
from socketio.exceptions import ConnectionRefusedError as NotAdmittedError
from starlette.responses import PlainTextResponse

from qctl.compat.engineio_validation import BadRequestError, checked, whole
from qctl.errors import QctlError, RefusedError
from qctl.gateway.dependencies import Backend
from qctl.gateway.job_routes import counts
from qctl.gateway.middleware import Application, Receive, Scope, Send
from qctl.gateway.owner_events import OFFSET, Follower, Happening, place
from qctl.gateway.tokens import Caller
from qctl.sources.asgi_front import PATH, RETRY_AFTER

log = logging.getLogger(__name__)

NAMESPACE = "/"

MOST = 100_000
"""Bytes of what a client sends: a token, or that it wants numbers."""

KEPT = 20_000
"""Happenings that are kept for those who were away."""

_OFFICIAL = re.compile(r"Mozilla/|node-XMLHttpRequest")
"""How browsers call themselves, and the official client on Node where it polls."""


@dataclass
class Client:
    """One connection that was admitted. `after` is what it heard last, where it was here before."""

    user: Caller
    recovers: bool
    pid: str
    after: str | None
    ending: asyncio.TimerHandle | None = None
    counting: bool = False


class Live(socketio.AsyncServer):  # type: ignore[misc]
    """The Socket.IO server of one gateway."""

    def __init__(self, backend: Backend) -> None:
        level = logging.DEBUG if backend.settings.log_level == "debug" else logging.WARNING
        loggers = logging.getLogger("socketio"), logging.getLogger("engineio")
        for logger in loggers:
            logger.setLevel(level)
        super().__init__(
            async_mode="asgi",
            namespaces=[NAMESPACE],
            cors_allowed_origins=self._lets_in,
            max_http_buffer_size=MOST,
            logger=loggers[0],
            engineio_logger=loggers[1],
        )
        self._backend = backend
        self._follower = Follower(backend.ops, backend.service)
        self._clients: dict[str, Client] = {}
        self._began: tuple[int, int] | None = None
        self._last = ""
        self._kept: deque[Happening] = deque()
        self._turn = asyncio.Lock()
        self.draining = False
        """Whether nobody is let in any more."""
        self.on("connect", self._admit)
        self.on("disconnect", self._leave)
        self.on("request:stats", self._tell_numbers)

    async def serve(self) -> None:
        """Tell what happens, until cancelled. Raises what is a defect."""
        loop = asyncio.get_running_loop()
        thread = ThreadPoolExecutor(1, "happenings")

        def began(after: str) -> None:
            loop.call_soon_threadsafe(self._begin, after)

        def tell(found: list[Happening]) -> None:
            asyncio.run_coroutine_threadsafe(self._tell(found), loop).result()

        try:
            await loop.run_in_executor(thread, self._follower.run, began, tell)
        finally:
            self._follower.stop()
            await asyncio.shield(run_in_threadpool(thread.shutdown))

    async def drain(self) -> None:
        """Have every client connect again, elsewhere or later: what waits for news is answered, and nothing after."""
        self.draining = True
        for waiting in list(self.eio.sockets.values()):
            if not waiting.upgraded:
                await waiting.send(EnginePacket(NOOP))

    # --- what happens -------------------------------------------------------------------------------------

    def _begin(self, after: str) -> None:
        self._began, self._last = place(after), after

    async def _tell(self, found: Sequence[Happening]) -> None:
        """Keep these, and send them to who is there."""
        for each in found:
            async with self._turn:
                self._last = each.offset
                self._kept.append(each)
                if len(self._kept) > KEPT:
                    self._began = place(self._kept.popleft().offset)
                for event, document in each.told:
                    await self.emit(event, document, room=_room(each.owner, recovers=False))
                    await self.emit(event, (document, each.offset), room=_room(each.owner, recovers=True))

    async def _catch_up(self, sid: str, client: Client) -> None:
        """Send a client what it missed, then let it hear the rest. Between the two nothing happens."""
        async with self._turn:
            recovered = self._knows(client.after)
            for each in self._since(client.after, client.user.id) if recovered and client.after else []:
                for event, document in each.told:
                    await self.emit(event, (document, each.offset) if client.recovers else document, to=sid)
            if client.recovers and self._last:
                await self.emit("live:ready", ({"recovered": recovered}, self._last), to=sid)
            with contextlib.suppress(ValueError):  # it has gone meanwhile
                await self.enter_room(sid, _room(client.user.id, recovers=client.recovers))

    def _knows(self, after: str | None) -> bool:
        """Whether all is kept that happened after this place."""
        return after is not None and self._began is not None and place(after) >= self._began

    def _since(self, after: str, user: str) -> list[Happening]:
        kept = list(self._kept)
        first = bisect_right([place(each.offset) for each in kept], place(after))
        return [each for each in kept[first:] if each.owner == user]

    # --- who is there -------------------------------------------------------------------------------------

    def _lets_in(self, origin: str, environ: Any) -> bool:
        """Whether pages of an origin may connect: those of FRONTEND_URL, and this server's own."""
        allowed = self._backend.settings.frontend_url
        return "*" in allowed or origin in allowed or urlsplit(origin).netloc == environ.get("HTTP_HOST")

    async def _admit(self, sid: str, environ: Any, auth: Any) -> None:
        given = auth if isinstance(auth, dict) else {}
        token = given.get("token")
        if not isinstance(token, str) or not token:
            raise NotAdmittedError("Authentication error: No token provided")
        try:
            user = self._backend.tokens.read(token)
        except RefusedError:
            raise NotAdmittedError("Authentication error: Invalid token") from None
        after, pid = given.get("offset"), given.get("pid")
        after = after if isinstance(after, str) and OFFSET.fullmatch(after) else None
        official = _OFFICIAL.match(environ.get("HTTP_USER_AGENT", "")) is not None
        was_here = isinstance(pid, str) and len(pid) <= 64
        client = Client(
            user,
            recovers=official or was_here or given.get("recover") is True,
            pid=str(pid) if was_here and self._knows(after) else secrets.token_urlsafe(16),
            after=after,
        )
        left = (user.expires - datetime.now(timezone.utc)).total_seconds()
        client.ending = asyncio.get_running_loop().call_later(max(0.0, left), self._expire, sid)
        self._clients[sid] = client

    async def _handle_connect(self, eio_sid: str, namespace: str | None, data: Any) -> None:
        """What the library calls for a client that wants in."""
        await super()._handle_connect(eio_sid, namespace, data)
        sid = self.manager.sid_from_eio_sid(eio_sid, namespace or NAMESPACE)
        if client := self._clients.get(sid):
            await self._catch_up(sid, client)

    async def _send_packet(self, eio_sid: str, pkt: Any) -> None:
        """What the library calls for each packet. The one that lets a client in names its `pid`."""
        client = self._clients.get(pkt.data["sid"]) if pkt.packet_type == socketio.packet.CONNECT else None
        if client is not None and client.recovers:
            pkt.data["pid"] = client.pid
        await super()._send_packet(eio_sid, pkt)

    def _expire(self, sid: str) -> None:
        """The token is good no longer. After this packet the official client does not try again with the same one."""
        task = asyncio.get_running_loop().create_task(self.disconnect(sid))
        task.add_done_callback(lambda done: done.exception())

    async def _leave(self, sid: str, *_: Any) -> None:
        client = self._clients.pop(sid, None)
        if client is not None and client.ending is not None:
            client.ending.cancel()

    async def _tell_numbers(self, sid: str, *_: Any) -> dict[str, int] | None:
        """`request:stats`: answered by `stats:update`, and to who asks for an answer."""
        client = self._clients.get(sid)
        if client is None or client.counting:  # one answer is on its way
            return None
        client.counting = True
        try:
            numbers = counts(await run_in_threadpool(self._backend.service.jobs_of, client.user.id)).model_dump()
        except QctlError as error:
            log.warning("a client's jobs cannot be counted: %s", error.message)
            return None
        finally:
            client.counting = False
        await self.emit("stats:update", numbers, to=sid)
        return numbers


class Entrance:
    """The ASGI application in front: Socket.IO's path is `live`'s, all else `app`'s."""

    def __init__(self, live: Live, app: Application) -> None:
        self._live = live
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request or web socket. What is no packet of Engine.IO ends it."""
        path = scope.get("path", "")
        if path != PATH and not path.startswith(PATH + "/"):
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._live.handle_request(scope, checked(receive), send)
        elif self._live.draining:
            await PlainTextResponse("try again soon\n", 503, {"Retry-After": RETRY_AFTER})(scope, receive, send)
        else:
            try:
                scope, receive = await whole(scope, receive, MOST)
            except BadRequestError as error:
                await PlainTextResponse(f"{error}\n", error.status)(scope, receive, send)
            else:
                await self._live.handle_request(scope, receive, send)


def _room(user: str, *, recovers: bool) -> str:
    """Where a user's clients are: those that are told the place of an event, and those that are not."""
    return f"{'recovering' if recovers else 'plain'}:{user}"
