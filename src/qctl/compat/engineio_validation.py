"""Validates data of Engine.IO clients before the library parses it: malformed input breaks the library.

On a web socket, it raises an error and leaves a dead connection open; in a request it drops the whole request and
answers `ok`. Nothing private of the library is used.
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
"""Stands between the packets of one request."""

PROTOCOL_ERROR = 1002
"""Close code of a web socket whose client does not follow the protocol."""


class BadRequestError(Exception):
    """A request that no Socket.IO client sends. `status` is the HTTP status of the answer."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


def is_packet(text: str) -> bool:
    """True if the library can parse this Engine.IO packet."""
    if text[:1] != "b":
        return text[:1] != "" and text[0] in "0123456"
    try:
        base64.b64decode(text[1:])
    except (binascii.Error, ValueError):
        return False
    return True


def validated(receive: Receive) -> Receive:
    """Wrap a web socket's `receive`: the first message that is not a packet ends the connection."""

    async def receive_packet() -> Message:
        message = await receive()
        text = message.get("text")
        if message["type"] == "websocket.receive" and text is not None and not (text and text[0] in "0123456"):
            return {"type": "websocket.disconnect", "code": PROTOCOL_ERROR}
        return message

    return receive_packet


async def read_request(scope: Scope, receive: Receive, max_bytes: int) -> tuple[Scope, Receive]:
    """Read and validate a request's body; return the request with its length and a `receive` that replays the body.

    Raises BadRequestError.
    """
    body = b""
    while True:
        part = await receive()
        if part["type"] != "http.request":
            raise BadRequestError(400, "the request is incomplete")
        body += part.get("body", b"")
        if len(body) > max_bytes:
            raise BadRequestError(413, f"the request is larger than {max_bytes} bytes")
        if not part.get("more_body"):
            break
    if "j" in parse_qs(scope.get("query_string", b"").decode("latin-1")):
        raise BadRequestError(400, "JSONP is not supported")
    try:
        packets = body.decode().split(SEPARATOR) if body else []
    except UnicodeDecodeError:
        raise BadRequestError(400, "the request is not UTF-8") from None
    if not all(is_packet(packet) for packet in packets):
        raise BadRequestError(400, "the request contains a malformed packet")
    headers = [(name, value) for name, value in scope["headers"] if name != b"content-length"]
    headers.append((b"content-length", str(len(body)).encode()))

    async def replay() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    return {**scope, "headers": headers}, replay
