"""The HTTP side of the socket batcher: `/` says that it runs, `/healthz` gives its state, `/socket.io` is Socket.IO's.

While nothing can be committed, new connections get 503, so that clients try again by themselves. They are counted; the
log has one line for each reason, and one when no client was refused for some time.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs

from qctl.compat.engineio_validation import (
    BadRequestError,
    Message,
    Receive,
    Scope,
    read_request,
    validated,
)

log = logging.getLogger(__name__)

Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

PATH = "/socket.io"
"""The default path of Socket.IO clients."""

RETRY_AFTER = "2"
"""Seconds after which a client that was refused may try again."""


QUIET_SECONDS = 5.0
"""Time without a refusal after which refusals are over: at a limit, clients are admitted and refused in turns."""


class AsgiFront:
    """The ASGI application. `unavailable` returns the reason that no new client is admitted, None if clients are;
    `/healthz` shows `health`. Requests larger than `max_bytes` are refused."""

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
        max_bytes: int,
    ) -> None:
        self._socketio = socketio
        self._unavailable = unavailable
        self._health = health
        self._max_bytes = max_bytes

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
            body = json.dumps(self._health()).encode() + b"\n"
            status = 200 if self._unavailable() is None else 503
            await _respond(scope, receive, send, status, body, ("content-type", "application/json"))

    async def _serve_socketio(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on to Socket.IO if new connections are admitted and it is well-formed."""
        if "sid" not in parse_qs(scope.get("query_string", b"").decode("latin-1")) and self._refuses():
            await _respond(scope, receive, send, 503, b"try again soon\n", ("retry-after", RETRY_AFTER))
        elif scope["type"] == "websocket":
            await self._socketio(scope, validated(receive), send)
        else:
            try:
                scope, receive = await read_request(scope, receive, self._max_bytes)
            except BadRequestError as error:
                await _respond(scope, receive, send, error.status, f"{error}\n".encode())
            else:
                await self._socketio(scope, receive, send)

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
