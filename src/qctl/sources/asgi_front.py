"""The HTTP side of the socket batcher: `/` says that it runs, `/healthz` gives its state, `/socket.io` is Socket.IO's.

While nothing can be committed, new connections get 503, so that clients try again by themselves. They are counted; the
log has one line for each reason, and one when no client was refused for some time.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

from qctl.guard.connections import Application, Message, Receive, Scope, Send, refuse

log = logging.getLogger(__name__)

PATH = "/socket.io"
"""The default path of Socket.IO clients."""


TOO_LARGE_CODE, TOO_LARGE_STATUS = 1009, 413
"""Close code of a web socket (RFC 6455) and status of a request whose client sent too large a message."""

TOO_LARGE_BODY = b"the request is larger than"
"""Begin of the body of such a response (`guard/packets.py`); others with the status are about packets."""

QUIET_SECONDS = 5.0
"""Time without a refusal after which refusals are over: at a limit, clients are admitted and refused in turns."""


class AsgiFront:
    """The ASGI application. `unavailable` returns the reason that no new client is admitted, None if clients are;
    `/healthz` shows `health`, and answers 503 if its `ok` is false. Addresses that `is_blocked` names cannot connect.
    `on_too_large` is called with the address of a client whose message was too large to be read."""

    refused = 0
    """Requests for a connection that got 503."""
    _refusal_reason: str | None = None
    """The reason that was logged last, None after their end."""
    _refused_at = 0.0
    _refused_before = 0

    def __init__(
        self,
        socketio: Application,
        unavailable: Callable[[], str | None],
        health: Callable[[], dict[str, Any]],
        is_blocked: Callable[[str], bool],
        on_too_large: Callable[[str], None] = lambda _address: None,
    ) -> None:
        self._socketio = socketio
        self._unavailable = unavailable
        self._health = health
        self._on_too_large = on_too_large
        self._is_blocked = is_blocked

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or serve one web socket."""
        path = scope["path"]
        if path == PATH or path.startswith(PATH + "/"):
            await self._serve_socketio(scope, receive, send)
        elif scope["type"] == "websocket" or path not in ("/", "/healthz"):
            await _respond(scope, receive, send, 404, b"not found\n")
        elif scope["method"] not in ("GET", "HEAD"):
            await _respond(scope, receive, send, 405, b"only GET is allowed\n", ("allow", "GET, HEAD"))
        elif path == "/":
            await _respond(scope, receive, send, 200, b"qctl-socket-batcher is up\n")
        else:
            health = self._health()
            body = json.dumps(health).encode() + b"\n"
            status = 200 if health["ok"] else 503
            await _respond(scope, receive, send, status, body, ("content-type", "application/json"))

    async def _serve_socketio(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on to Socket.IO if it belongs to a session, or if new ones are admitted."""
        address = str((scope.get("client") or ("",))[0])
        receive, send = self._noticing_too_large(address, receive, send)
        if "sid" in parse_qs(scope.get("query_string", b"").decode("latin-1")):
            await self._socketio(scope, receive, send)
        elif self._refuses():
            await refuse(scope, receive, send)
        elif self._is_blocked(address):
            await refuse(scope, receive, send, 429, b"too many wrong tokens\n")
        else:
            await self._socketio(scope, receive, send)

    def _noticing_too_large(self, address: str, receive: Receive, send: Send) -> tuple[Receive, Send]:
        """Wrap the two to notice a web socket that is closed, or a request that is refused, because of its size."""
        status = 0

        async def noticing_receive() -> Message:
            message = await receive()
            if message["type"] == "websocket.disconnect" and message.get("code") == TOO_LARGE_CODE:
                self._on_too_large(address)
            return message

        async def noticing_send(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            if status == TOO_LARGE_STATUS and message.get("body", b"").startswith(TOO_LARGE_BODY):
                self._on_too_large(address)
            await send(message)

        return noticing_receive, noticing_send

    def _refuses(self) -> bool:
        """True if a new client is refused, which is counted."""
        reason, now = self._unavailable(), time.monotonic()
        if reason is not None:
            self.refused += 1
            self._refused_at = now
            if reason != self._refusal_reason:
                self._refusal_reason = reason
                log.warning("new clients are refused: %s", reason)
        elif self._refusal_reason is not None and now - self._refused_at >= QUIET_SECONDS:
            log.info("clients are admitted again: refused=%d", self.refused - self._refused_before)
            self._refusal_reason, self._refused_before = None, self.refused
        return reason is not None


async def _respond(
    scope: Scope, receive: Receive, send: Send, status: int, body: bytes, *headers: tuple[str, str]
) -> None:
    """Answer a request, or refuse a web socket before it is accepted."""
    kind = "http"
    if scope["type"] == "websocket":
        await receive()
        kind = "websocket.http"
    named = {"content-type": "text/plain; charset=utf-8", "cache-control": "no-store", **dict(headers)}
    encoded = [(name.encode(), value.encode()) for name, value in {**named, "content-length": str(len(body))}.items()]
    await send({"type": f"{kind}.response.start", "status": status, "headers": encoded})
    sent = b"" if scope.get("method") == "HEAD" else body
    await send({"type": f"{kind}.response.body", "body": sent})
