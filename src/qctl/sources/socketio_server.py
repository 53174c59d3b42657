"""The Socket.IO side of the socket batcher: admits clients and takes their `data` events.

`group_commit.py` acknowledges an event once it is committed.

An event that must wait (for the client's rate limit, for room among the entries, or because the client does not read)
blocks reading from its connection: that slows the client down. All others are taken without a task of their own.

While nothing can be committed, clients that want acknowledgements get `busy`; the others are made to reconnect, since
they would not notice.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from socketio.exceptions import ConnectionRefusedError as NotAdmittedError

from qctl.compat.engineio_server import close_session, has_session
from qctl.compat.socketio_server import MAX_REQUEST_PACKETS, Acknowledge, new_server
from qctl.errors import RefusedError, RejectedError
from qctl.guard.addresses import site_of
from qctl.guard.denials import Denials
from qctl.guard.sessions import PacketLimits, SessionGuard
from qctl.guard.wrong_tokens import WrongTokens
from qctl.settings import Settings
from qctl.sources import message_parser
from qctl.sources.group_commit import Entry, GroupCommit
from qctl.sources.socket_auth import WrongTokenError, admit

log = logging.getLogger(__name__)

INVALID_MESSAGE_COST = 10
"""Messages that an invalid one counts as in a connection's rate limit: a dead letter is as much work."""

MAX_UNSENT_PACKETS = 5000
"""Packets that may wait for a client that does not read. Above this, nothing more is read from it."""

UNSENT_POLL_SECONDS = 0.05
"""Pause between checks whether such a client reads again."""

KEEP_ALIVE_SECONDS = 1.0
"""Pause between two signs that a client which has to wait is alive."""

_RECENT = re.compile(r"(?:^|&)t=[0-9a-z]{8}(?:&|$)")
"""Query of the official client since 4.8 (June 2024). Versions before 4.5.2 do not catch the error that a malformed
packet raises in them, which would end a program on Node."""


@dataclass
class Client:
    """An admitted connection. `user` is the only user whose messages it may send, None if it may send any."""

    user: str | None
    allowance: float
    """Messages that it may send now."""
    flushes: bool
    """True if it sends its pending messages before it closes, when a malformed packet of Socket.IO reaches it."""
    wants_acks: bool = True
    """True if it wanted an acknowledgement of its last event."""
    leaving: bool = False
    last_event_at: float = field(default_factory=time.monotonic)
    """When it last sent an event (monotonic seconds)."""

    def refill(self, rate: float) -> None:
        """Add the messages that it may send since its last event, at `rate` a second."""
        now = time.monotonic()
        self.allowance = min(rate, self.allowance + (now - self.last_event_at) * rate)
        self.last_event_at = now


class SocketServer:
    """The clients of one process. Their messages go to `commit`."""

    def __init__(self, settings: Settings, commit: GroupCommit, denials: Denials) -> None:
        self._settings = settings
        self._rate = settings.socket_rate
        self._commit = commit
        self._clients: dict[str, Client] = {}
        self.max_bytes = max(1_000_000, 4 * settings.max_payload)
        """Maximum size of one packet, or of a request that carries several."""
        self._denials = denials
        self._wrong_tokens = WrongTokens()
        self._server = new_server(
            self,
            max_bytes=self.max_bytes,
            allows_origin=self._allows_origin,
            log_level=logging.DEBUG if settings.log_level == "debug" else logging.WARNING,
        )
        engine = self._server.eio
        self.sessions = SessionGuard(
            self._server.handle_request,
            PacketLimits(self.max_bytes, MAX_REQUEST_PACKETS, self._rate, counts_events=False),
            denials,
            max_unadmitted=settings.max_unadmitted,
            admission_seconds=settings.request_timeout,
            has_session=partial(has_session, engine),
            close=partial(close_session, engine),
        )
        """The ASGI application."""
        commit.on_busy.append(self._send_away_without_acks)

    @property
    def connections(self) -> int:
        """Number of connections, admitted or not."""
        return len(self._server.connections)

    @property
    def admitted(self) -> int:
        """Number of admitted connections."""
        return len(self._clients)

    def is_blocked(self, address: str) -> bool:
        """True if an address has sent too many wrong tokens. Its attempt to connect counts as refused."""
        site = site_of(address)
        is_blocked = self._wrong_tokens.is_blocked(site)
        if is_blocked:
            self._denials.note("tokens", site)
        return is_blocked

    def send_all_away(self) -> None:
        """Make every client connect again, to another process or later."""
        for cid in self._server.connections:
            self._send_away(cid)

    def _send_away_without_acks(self) -> None:
        """Make clients connect again that want no acknowledgements, and so cannot be told that nothing is committed."""
        for cid, client in list(self._clients.items()):
            if not client.wants_acks:
                self._send_away(cid)

    def _send_away(self, cid: str) -> None:
        client = self._clients.get(cid)
        if client is not None and client.leaving:
            return
        self._server.send_away(cid, flushes=client is not None and client.flushes)
        if client is not None:
            client.leaving = True

    # --- connections --------------------------------------------------------------------------------------

    def _allows_origin(self, origin: str, environ: Any) -> bool:
        """True if pages of an origin may connect: those of CLIENT_URL, and this server's own, which libraries outside
        of browsers name."""
        allowed = self._settings.client_url
        return "*" in allowed or origin in allowed or urlsplit(origin).netloc == environ.get("HTTP_HOST")

    async def connect(self, cid: str, environ: Any, auth: Any) -> None:
        """Admit a client. Raises NotAdmittedError."""
        address = (environ["asgi.scope"].get("client") or ("",))[0]
        if self.is_blocked(address):
            raise NotAdmittedError("too many wrong tokens: try again in a minute")
        try:
            user = admit(self._settings, auth)
        except RefusedError as error:
            log.debug("client refused: %s", error.message)
            if isinstance(error, WrongTokenError):
                self._wrong_tokens.note(site_of(address))
            raise NotAdmittedError(error.message) from None
        recent = _RECENT.search(environ.get("QUERY_STRING", "")) is not None
        log.debug("client admitted, %s", "with a user's token" if user else "without a user")
        self._clients[cid] = Client(user, self._rate, flushes=recent)
        self.sessions.admit(environ)

    def disconnect(self, cid: str, reason: str) -> None:
        """Note that a connection ended."""
        log.debug("connection ended: %s", reason)
        self._clients.pop(cid, None)

    def reject_packet(self, cid: str, reason: str) -> None:
        """Make a client that sent an invalid Socket.IO packet connect again."""
        log.info("client sent a malformed packet, made to reconnect: %s", reason)
        self._send_away(cid)

    def reject_too_large(self, address: str) -> None:
        """Record a message that was too large to be read, so that it could not be answered. Repeated ones of an address
        are one dead letter."""
        reason = f"message is larger than {self.max_bytes} bytes: the connection was closed, and nothing was answered"
        log.warning("message too large to be read, its connection was closed: address=%s", address)
        event = [message_parser.EVENT, {"address": address, "larger_than_bytes": self.max_bytes}]
        reject = message_parser.reject(event, None, time.time_ns(), reason)
        self._commit.put(Entry(reject, len(reject.args[0]), {"ok": False}, None))

    def last_event_at(self, cid: str) -> float | None:
        """When a client last sent an event (monotonic seconds), None for one that was not admitted."""
        client = self._clients.get(cid)
        return client.last_event_at if client is not None else None

    # --- events -------------------------------------------------------------------------------------------

    async def handle(self, cid: str, event: Any, acknowledge: Acknowledge | None) -> None:
        """Take an event once the client's rate limit allows it and there is room."""
        client = self._clients.get(cid)
        if client is None:
            return
        client.wants_acks = acknowledge is not None and self._server.reports_acks
        await self._throttle(cid, client)
        self._take(cid, client, event, acknowledge)

    def handle_now(self, cid: str, event: Any, ack_id: int | None) -> bool:
        """Take an event if it need not wait. False if it must."""
        client = self._clients.get(cid)
        if client is None:
            return False
        client.wants_acks = ack_id is not None
        client.refill(self._rate)
        if client.allowance < 1 or self._is_full_for(client) or self._server.unsent(cid) > MAX_UNSENT_PACKETS:
            return False
        client.allowance -= 1
        self._take(cid, client, event, self._server.acknowledger(cid, ack_id))
        return True

    def _take(self, cid: str, client: Client, event: Any, acknowledge: Acknowledge | None) -> None:
        self._commit.put(self._entry(client, event, acknowledge))
        if self._commit.busy is not None and not client.wants_acks:
            self._send_away(cid)

    def _entry(self, client: Client, event: Any, acknowledge: Acknowledge | None) -> Entry:
        received_ns = time.time_ns()
        try:
            item = message_parser.parse(event, client.user, received_ns, self._settings.max_payload)
        except RejectedError as error:
            client.allowance -= INVALID_MESSAGE_COST - 1
            reject = message_parser.reject(event, client.user, received_ns, error.message)
            refusal = {
                "ok": False,
                "code": "invalid",
                "reason": error.message,
                "msg_id": message_parser.msg_id_of(event),
            }
            return Entry(reject, len(reject.args[0]), refusal, acknowledge)
        encoded = message_parser.encode(item)
        done = {"ok": True, "msg_id": item["msg_id"]}
        return Entry(encoded, len(encoded), done, acknowledge, message_parser.identity(item))

    async def _throttle(self, cid: str, client: Client) -> None:
        """Wait until the next event of this client may be taken."""
        client.refill(self._rate)
        client.allowance -= 1
        if client.allowance < 0 and not client.leaving:
            await self._wait(cid, asyncio.sleep(-client.allowance / self._rate))
        if self._is_full_for(client):
            await self._wait(cid, self._commit.room())
        while self._server.unsent(cid) > MAX_UNSENT_PACKETS:
            await asyncio.sleep(UNSENT_POLL_SECONDS)

    def _is_full_for(self, client: Client) -> bool:
        """True if the next event must wait for room. While clients get `busy`, only those that get no reply must
        wait."""
        return not self._commit.has_room and (self._commit.busy is None or not client.wants_acks)

    async def _wait(self, cid: str, awaitable: Any) -> None:
        """Wait, and count the client as alive meanwhile: its pong may be behind the event that waits."""
        waiting = asyncio.ensure_future(awaitable)
        while not waiting.done():
            self._server.keep_alive(cid)
            await asyncio.wait([waiting], timeout=KEEP_ALIVE_SECONDS)
