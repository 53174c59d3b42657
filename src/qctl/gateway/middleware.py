"""Middleware of every request: trace id, one log line, size limit, and security headers.

Bodies, queries and headers are never logged: they hold passwords and tokens.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from typing import Any

from starlette.exceptions import HTTPException

from qctl import logs
from qctl.gateway import error_responses
from qctl.gateway.random_ids import new_id

log = logging.getLogger(__name__)
requests = logs.FrequentEvents(log)

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
RawHeader = tuple[bytes, bytes]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

TRACE = "X-Trace-Id"

MAX_PATH_CHARS = 200
"""Characters of a path in the log; the rest is cut."""

MAX_BODY_BYTES = 1 << 20
"""Largest body, as large as the arguments of a job may be; a larger one gets 413."""

MESSAGES_PATH = "/api/messages/send/"
"""Path of requests whose JSON may hold an image: the route reads it in pieces, and limits each part."""

MAX_DISCARDED_BYTES = 4 << 20
"""Bytes beyond the limit that are read and discarded before 413, because a client that still sends misses a reply."""

SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-site",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}
"""Headers added to every response that does not set them itself."""

_TRACE = re.compile(r"[!-~]{1,128}")
_RAW_TRACE = TRACE.lower().encode()
_RAW_SECURITY = [(name.lower().encode(), value.encode()) for name, value in SECURITY_HEADERS.items()]
_OWN_NAMES = {_RAW_TRACE, *(name for name, _ in _RAW_SECURITY)}


class RequestMiddleware:
    """ASGI middleware. `max_upload_bytes` limits forms with files, and by the size of base64 the JSON of chat messages;
    MAX_BODY_BYTES limits all other bodies."""

    def __init__(self, app: Application, max_upload_bytes: int) -> None:
        self._app = app
        self._max_upload_bytes = max_upload_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one HTTP request; other scopes are passed on unchanged."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers: dict[bytes, bytes] = dict(reversed(scope["headers"]))  # the first of each name
        trace = headers.get(_RAW_TRACE, b"").decode("latin-1")
        if not _TRACE.fullmatch(trace):
            trace = new_id()
        state = scope.setdefault("state", {})
        state["trace"] = trace
        status, started = 0, time.monotonic()

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = _with_own_headers(message.get("headers", ()), trace)
            await send(message)

        with logs.log_context(traceId=trace):
            try:
                await self._app(scope, self._limited(scope, headers, receive), send_with_headers)
            except Exception:
                log.exception("unexpected error")
                if not status:
                    await error_responses.error_response(500, "Internal server error")(
                        scope, receive, send_with_headers
                    )
            finally:
                _log(scope, status, time.monotonic() - started)

    def _limited(self, scope: Scope, headers: Mapping[bytes, bytes], receive: Receive) -> Receive:
        """Wrap `receive` so that a too large body is refused as soon as its size is known.

        The server lets no body be longer than it declares.
        """
        max_bytes = MAX_BODY_BYTES
        if headers.get(b"content-type", b"").startswith(b"multipart/form-data"):
            max_bytes = self._max_upload_bytes
        elif scope["path"].startswith(MESSAGES_PATH):
            max_bytes = MAX_BODY_BYTES + self._max_upload_bytes * 4 // 3
        length = headers.get(b"content-length", b"")
        declared = int(length[:20]) if length.isdigit() else -1
        if 0 <= declared <= max_bytes and b"transfer-encoding" not in headers:
            return receive
        received = 0

        async def limited() -> Message:
            nonlocal received
            if declared > max_bytes + MAX_DISCARDED_BYTES:
                raise HTTPException(413, "Request body too large")
            message = await receive()
            received += len(message.get("body", b""))
            if received <= max_bytes:
                return message
            while message.get("more_body") and received <= max_bytes + MAX_DISCARDED_BYTES:
                message = await receive()
                received += len(message.get("body", b""))
            raise HTTPException(413, "Request body too large")

        return limited


def _with_own_headers(headers: Iterable[RawHeader], trace: str) -> list[RawHeader]:
    """The headers of a response with the trace id, and the security headers that it lacks."""
    headers = list(headers)
    if _OWN_NAMES.isdisjoint([name for name, _ in headers]):
        return [*headers, (_RAW_TRACE, trace.encode("latin-1")), *_RAW_SECURITY]
    found = [pair for pair in headers if pair[0] != _RAW_TRACE]
    names = {name for name, _ in found}
    return [*found, (_RAW_TRACE, trace.encode("latin-1")), *(pair for pair in _RAW_SECURITY if pair[0] not in names)]


def _log(scope: Scope, status: int, seconds: float) -> None:
    """Log one line. Status 499 means that the client disconnected before the response."""
    method, path, ms = scope["method"], scope["path"][:MAX_PATH_CHARS], round(seconds * 1000)
    requests.log(
        logging.INFO,
        f"{method} {path} {status or 499} {ms} ms",
        event="request",
        traceId=scope["state"]["trace"],
        userId=scope["state"].get("user"),
        method=method,
        path=path,
        client=(scope.get("client") or ("",))[0],
        status=status or 499,
        ms=ms,
    )
