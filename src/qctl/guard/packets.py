"""Checks packets of Engine.IO clients before the library parses them.

The library parses a request of any number of packets in one step, answers malformed ones `ok` or not at all, and never
answers a request with a ping or a noop.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from urllib.parse import parse_qs

from qctl.guard.connections import Receive, Scope

SEPARATOR = b"\x1e"
"""Stands between the packets of one request."""

CLIENT_PACKETS = "134"
"""Types of packets that clients send: close, pong and message. A web socket that continues a session by polling begins
with `PROBE` and `UPGRADE`."""

PROBE, UPGRADE = "2probe", "5"

CONNECT = "40"
EVENT = "42"
"""First characters of a packet that asks to be admitted, and of an event without attachments."""


class BadRequestError(Exception):
    """A request that no Socket.IO client sends. `status` is the HTTP status of the answer."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


def is_client_packet(packet: str) -> bool:
    """True if a client may send this packet in a request, and the library can parse it."""
    if packet[:1] != "b":
        return packet[:1] != "" and packet[0] in CLIENT_PACKETS
    try:
        base64.b64decode(packet[1:])
    except (binascii.Error, ValueError):
        return False
    return True


async def read_body(receive: Receive, max_bytes: int) -> bytes:
    """Read the body of a request. Raises BadRequestError."""
    body: bytes = b""
    while True:
        part = await receive()
        if part["type"] != "http.request":
            raise BadRequestError(400, "the request is incomplete")
        body += part.get("body", b"")
        if len(body) > max_bytes:
            raise BadRequestError(413, f"the request is larger than {max_bytes} bytes")
        if not part.get("more_body"):
            return body


def parse_body(body: bytes, max_packets: int) -> Sequence[str]:
    """The packets of a request. Raises BadRequestError."""
    if body.count(SEPARATOR) >= max_packets:
        raise BadRequestError(413, f"the request has more than {max_packets} packets")
    try:
        packets = body.decode().split(SEPARATOR.decode()) if body else []
    except UnicodeDecodeError:
        raise BadRequestError(400, "the request is not UTF-8") from None
    if not all(map(is_client_packet, packets)):
        raise BadRequestError(400, "the request contains a packet that clients do not send")
    return packets


def refuse_jsonp(scope: Scope) -> None:
    """Raise BadRequestError for a request of JSONP, which hides packets in a form."""
    if "j" in parse_qs(scope.get("query_string", b"").decode("latin-1")):
        raise BadRequestError(400, "JSONP is not supported")


def with_body(scope: Scope, body: bytes) -> tuple[Scope, Receive]:
    """A request whose body has been read: with its length, and a `receive` that replays it."""
    headers = [(name, value) for name, value in scope["headers"] if name != b"content-length"]
    headers.append((b"content-length", str(len(body)).encode()))

    async def replay() -> dict[str, object]:
        return {"type": "http.request", "body": body, "more_body": False}

    return {**scope, "headers": headers}, replay
