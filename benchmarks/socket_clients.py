"""Socket.IO clients that send as fast as they are answered, and speak no more of web sockets than they must."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable

from crowd import PATIENCE, UPGRADE

WINDOW = 50
"""Messages that each client keeps on their way."""

TEXT, PING, PONG = 0x81, 0x89, 0x8A


class Client(asyncio.Protocol):
    """One connection. What it costs is taken from the server. `spent` is how long each answer took, in seconds.

    If the server refuses the connection, ends it or answers anything but `ok`, whatever waits raises AssertionError.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.sent_at: dict[int, float] = {}
        self.spent: list[float] = []
        self._data = b""
        self._packets: list[str] = []
        self._error: AssertionError | None = None
        self._closing = False

    async def open(self, port: int) -> None:
        transport, _ = await asyncio.get_running_loop().create_connection(lambda: self, "127.0.0.1", port)
        self._transport = transport
        transport.write(UPGRADE)
        await self._until(lambda: len(self._packets) == 1, "the connection")
        self._write(TEXT, b"40")
        await self._until(lambda: len(self._packets) == 2, "the admission")

    def close(self) -> None:
        self._closing = True
        self._transport.close()

    async def _until(self, condition: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while not condition():
            if self._error is not None:
                raise self._error
            assert time.monotonic() < deadline, f"{self.name}: {what} took more than {PATIENCE:.0f} s"
            await asyncio.sleep(0.001)

    def connection_lost(self, _error: Exception | None) -> None:
        if not self._closing and self._error is None:
            self._error = AssertionError(f"{self.name}: the server closed the connection")

    def data_received(self, data: bytes) -> None:
        try:
            self._read(data)
        except AssertionError as error:
            self._error = error
            self._transport.close()

    def _read(self, data: bytes) -> None:
        data = self._data + data
        if data.startswith(b"HTTP"):
            head, end, rest = data.partition(b"\r\n\r\n")
            assert not end or b" 101 " in head, f"{self.name}: not admitted: {data!r}"
            data = rest if end else data
        while len(data) >= 4 and not data.startswith(b"HTTP"):
            at, size = (4, data[2] << 8 | data[3]) if data[1] == 126 else (2, data[1])
            if len(data) < at + size:
                break
            self._frame(data[0], data[at : at + size])
            data = data[at + size :]
        self._data = data

    def _frame(self, kind: int, content: bytes) -> None:
        if kind == TEXT:
            self._packet(content.decode())
        elif kind == PING:
            self._write(PONG, content)
        else:
            raise AssertionError(f"the server sent a frame {kind:x}: {content!r}")

    def _packet(self, text: str) -> None:
        if text.startswith("43"):
            assert '"ok":true' in text, text
            self.spent.append(time.perf_counter() - self.sent_at.pop(int(text[2 : text.index("[")])))
        elif text == "2":
            self._write(TEXT, b"3")
        else:
            self._packets.append(text)

    def _write(self, kind: int, content: bytes) -> None:
        """A frame, masked with zeros."""
        size = len(content)
        length = bytes([0x80 | size]) if size < 126 else b"\xfe" + size.to_bytes(2, "big")
        self._transport.write(bytes([kind]) + length + b"\0\0\0\0" + content)

    def send(self, n: int) -> None:
        message = {"msg_id": f"{self.name}-{n}", "message": "Hello from a benchmark " * 3, "user_id": self.name}
        message["timestamp"] = "2026-01-01T12:00:00.123Z"
        self.sent_at[n] = time.perf_counter()
        self._write(TEXT, f'42{n}["data",{json.dumps(message)}]'.encode())

    async def send_all(self, count: int) -> None:
        """Send with WINDOW on their way."""
        for n in range(count):
            await self._until(lambda: len(self.sent_at) < WINDOW, "an answer")
            self.send(n)
        await self._until(lambda: not self.sent_at, "the last answer")


async def opened(port: int, count: int) -> list[Client]:
    clients = [Client(f"c{n}") for n in range(count)]
    await asyncio.gather(*(client.open(port) for client in clients))
    return clients


async def flood(port: int, messages: int, connections: int) -> None:
    """Send so many, by so many connections, and return when all are acknowledged."""
    clients = await opened(port, connections)
    await asyncio.gather(*(client.send_all(messages // connections) for client in clients))
    for client in clients:
        client.close()
