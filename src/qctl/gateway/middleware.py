"""Around every request: its trace id, one line in the log, how large it may be, and headers that shut browsers in.

No body, no query and no header comes into the log: they hold passwords and tokens.
"""

from __future__ import annotations

import logging
import re
import time
import uuid
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException

from qctl import logs
from qctl.gateway import error_responses

log = logging.getLogger(__name__)

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

TRACE = "X-Trace-Id"

MOST = 1 << 20
"""Bytes of a body; what a job is called with may be as large."""

DISCARDED = 4 << 20
"""Bytes more that are read and thrown away before a body is refused: a client that still sends hears no answer."""

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-site",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}
"""Set where an answer does not set them itself."""

_TRACE = re.compile(r"[!-~]{1,128}")


class Requests:
    """An ASGI application around another. Files that are uploaded in a form may have `most_upload` bytes."""

    def __init__(self, app: Application, most_upload: int) -> None:
        self._app = app
        self._most_upload = most_upload

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; what is none is passed on as it is."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        trace = headers.get(TRACE, "")
        if not _TRACE.fullmatch(trace):
            trace = str(uuid.uuid4())
        state = scope.setdefault("state", {})
        state["trace"] = trace
        status, began = 0, time.monotonic()

        async def tell(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                _complete(MutableHeaders(scope=message), trace)
            await send(message)

        with logs.about(traceId=trace):
            try:
                await self._app(scope, self._limited(headers, receive), tell)
            except Exception:
                log.exception("nobody expected this")
                if not status:
                    await error_responses.failure(500, "Internal server error")(scope, receive, tell)
            finally:
                _log(scope, status, time.monotonic() - began)

    def _limited(self, headers: Headers, receive: Receive) -> Receive:
        """What the application receives, which refuses a body that is too large as soon as it is known to be."""
        is_form = headers.get("content-type", "").startswith("multipart/form-data")
        most = self._most_upload if is_form else MOST
        said = headers.get("content-length", "")
        seen = 0

        async def limited() -> Message:
            nonlocal seen
            if said.isdecimal() and int(said[:20]) > most + DISCARDED:
                raise HTTPException(413, "Request body too large")
            message = await receive()
            seen += len(message.get("body", b""))
            if seen <= most:
                return message
            while message.get("more_body") and seen <= most + DISCARDED:
                message = await receive()
                seen += len(message.get("body", b""))
            raise HTTPException(413, "Request body too large")

        return limited


def _complete(headers: MutableHeaders, trace: str) -> None:
    headers[TRACE] = trace
    for name, value in HEADERS.items():
        headers.setdefault(name, value)


def _log(scope: Scope, status: int, seconds: float) -> None:
    """The one line. A request that was never answered, because the client had gone, has status 499."""
    told = {
        "event": "request",
        "traceId": scope["state"]["trace"],
        "userId": scope["state"].get("user"),
        "method": scope["method"],
        "path": scope["path"],
        "status": status or 499,
        "ms": round(seconds * 1000),
    }
    log.info("%s %s %d %d ms", told["method"], told["path"], told["status"], told["ms"], extra=told)
