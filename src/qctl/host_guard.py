"""ASGI middleware that answers requests for this server's own names only.

A page whose owner resolves its name to this server's address (DNS rebinding) has the same origin for a browser, so CORS
and cookies do not protect against it. Its requests carry the foreign name in `Host`, so they are refused here.
"""

from __future__ import annotations

import json
import logging
import re
import socket
import time
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from functools import lru_cache
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

log = logging.getLogger(__name__)

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

MISDIRECTED_REQUEST = 421
"""Status of a request for another name (RFC 9110, section 15.5.20)."""

LOG_SECONDS = 60.0
"""Time (s) between two log lines about refused names."""

_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9_.-]+)(?::[0-9]{1,5})?", re.IGNORECASE)


class HostGuard:
    """Passes requests to `app` whose `Host` is an address, localhost, this machine's name, or one of `names`.

    An address needs no list: only names can be resolved to something else. A request without `Host` comes from no
    browser.
    """

    def __init__(self, app: Application, names: Iterable[str]) -> None:
        self._app = app
        self._names = {"localhost", socket.gethostname().lower(), *(name.lower().rstrip(".") for name in names)}
        self._logged = -LOG_SECONDS
        self.allows = lru_cache(maxsize=64)(self._allows)
        """Checks the value of a `Host` header. Cached, because clients send the same few names."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on one request or web socket, or refuse it."""
        hosts = [value.decode("latin-1") for name, value in scope.get("headers", ()) if name == b"host"]
        if all(map(self.allows, hosts)):
            await self._app(scope, receive, send)
            return
        if time.monotonic() - self._logged >= LOG_SECONDS:
            self._logged = time.monotonic()
            log.warning("requests for another host are refused: host=%.100r; list it in QCTL_HOSTS", hosts[-1])
        await _refuse(scope, receive, send)

    def _allows(self, host: str) -> bool:
        match = _HOST.fullmatch(host)
        if match is None:
            return host == ""
        name = match[1].strip("[]").lower().rstrip(".")
        return name in self._names or name.endswith(".localhost") or _is_address(name)


def origin_hosts(origins: Iterable[str]) -> list[str]:
    """The host names of origins of web pages; `*` has none."""
    return [host for origin in origins if (host := urlsplit(origin).hostname)]


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


async def _refuse(scope: Scope, receive: Receive, send: Send) -> None:
    kind = "http"
    if scope["type"] == "websocket":
        await receive()
        kind = "websocket.http"
    body = json.dumps({"success": False, "error": "Misdirected request: this server has another name"}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": f"{kind}.response.start", "status": MISDIRECTED_REQUEST, "headers": headers})
    await send({"type": f"{kind}.response.body", "body": body})
