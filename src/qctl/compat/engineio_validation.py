"""What clients send is looked at before the library sees it, which stumbles over what is no packet of Engine.IO.

Out of a web socket such a thing makes the library end with an exception, and keep the connection for dead for a while;
in a request it drops the whole request, and answers `ok`.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import parse_qs

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]

SEPARATOR = "\x1e"
"""Between the packets of one request."""

PROTOCOL_ERROR = 1002
"""The code with which a web socket is closed whose other end does not keep to the protocol."""


class BadRequestError(Exception):
    """A request that no client of Socket.IO sends. `status` is the answer to it."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


def is_packet(text: str) -> bool:
    """Whether the library can read this packet of Engine.IO."""
    if text[:1] != "b":
        return text[:1] != "" and text[0] in "0123456"
    try:
        base64.b64decode(text[1:])
    except (binascii.Error, ValueError):
        return False
    return True


def checked(receive: Receive) -> Receive:
    """The messages of a web socket, which ends with the first that is no packet."""

    async def receive_packet() -> Message:
        found = await receive()
        text = found.get("text")
        if found["type"] == "websocket.receive" and text is not None and not (text and text[0] in "0123456"):
            return {"type": "websocket.disconnect", "code": PROTOCOL_ERROR}
        return found

    return receive_packet


async def whole(scope: Scope, receive: Receive, max_bytes: int) -> tuple[Scope, Receive]:
    """A request with its body read, so that it can be looked at and has a length. Raises BadRequestError."""
    body = b""
    while True:
        part = await receive()
        if part["type"] != "http.request":
            raise BadRequestError(400, "it was not sent as a whole")
        body += part.get("body", b"")
        if len(body) > max_bytes:
            raise BadRequestError(413, f"it is larger than {max_bytes} bytes")
        if not part.get("more_body"):
            break
    if "j" in parse_qs(scope.get("query_string", b"").decode("latin-1")):
        raise BadRequestError(400, "JSONP is not spoken")
    try:
        packets = body.decode().split(SEPARATOR) if body else []
    except UnicodeDecodeError:
        raise BadRequestError(400, "it is not UTF-8") from None
    if not all(is_packet(packet) for packet in packets):
        raise BadRequestError(400, "it holds what is no packet")
    headers = [(name, value) for name, value in scope["headers"] if name != b"content-length"]
    headers.append((b"content-length", str(len(body)).encode()))

    async def replay() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    return {**scope, "headers": headers}, replay
