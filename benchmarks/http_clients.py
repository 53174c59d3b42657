"""Clients of an HTTP server that cost little: each has one connection that stays, and asks when it was answered."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

MAX_SECONDS = 600.0
"""Time that all answers together may take."""


class Client(asyncio.Protocol):
    """Sends one request after the other until there are no more. Another status, or the end of the connection before an
    answer, is an error."""

    def __init__(self, requests: Iterator[bytes], status: int) -> None:
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._requests = requests
        self._expected = b"HTTP/1.1 %d" % status
        self._heard = b""
        self._waits = False
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._ask()

    def _ask(self) -> None:
        request = next(self._requests, None)
        self._waits = request is not None
        if request is not None:
            self._transport.write(request)
        else:
            self._transport.close()

    def data_received(self, data: bytes) -> None:
        """Some of an answer."""
        self._heard += data
        head, found, body = self._heard.partition(b"\r\n\r\n")
        if found and len(body) >= int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0]):
            if not head.startswith(self._expected):
                self.done.set_exception(RuntimeError(self._heard.decode(errors="replace")))
                self._transport.close()
                return
            self._heard = b""
            self._ask()

    def connection_lost(self, _error: Exception | None) -> None:
        """The end."""
        if self.done.done():
            return
        if self._waits:
            self.done.set_exception(RuntimeError(f"the server closed a connection after {self._heard!r}"))
        else:
            self.done.set_result(None)


async def ask_all(port: int, requests: Iterator[bytes], status: int, connections: int) -> None:
    """Send all requests to the server on a port over so many connections. Raises RuntimeError with an answer of another
    status, TimeoutError if the answers take longer than MAX_SECONDS."""
    loop = asyncio.get_running_loop()
    clients = [
        (await loop.create_connection(lambda: Client(requests, status), "127.0.0.1", port))[1]
        for _ in range(connections)
    ]
    await asyncio.wait_for(asyncio.gather(*(client.done for client in clients)), MAX_SECONDS)


def post(path: str, body: str, kind: str = "application/json", token: str = "") -> bytes:
    """A request as it is sent."""
    headers = {"Host": "127.0.0.1", "Content-Type": kind, "Content-Length": str(len(body))}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"POST {path} HTTP/1.1\r\n{head}\r\n{body}".encode()
