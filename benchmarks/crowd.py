"""Very many Socket.IO clients in one process, which cost next to nothing: their sockets alone, watched by one epoll."""

from __future__ import annotations

import select
import socket
import time

WAVE = 100
"""Connections that are made side by side."""

BURST = 20
"""Messages that are sent before answers are read again."""

PATIENCE = 60.0
"""Seconds that an answer may take."""

UPGRADE = (
    b"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\n"
    b"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n\r\n"
)
MESSAGE = (
    '42%d["data",{"msg_id":"c%d","message":"Hello from a benchmark Hello from a benchmark Hello from a benchmark",'
    '"user_id":"c","timestamp":"2026-01-01T12:00:00.123Z"}]'
)


def frame(text: str) -> bytes:
    """A text as a client sends it, masked with zeros."""
    size = len(text)
    length = bytes([0x80 | size]) if size < 126 else b"\xfe" + size.to_bytes(2, "big")
    return b"\x81" + length + b"\0\0\0\0" + text.encode()


class Crowd:
    """So many connections to the server on a port. `spent` is how long each answer took, in seconds."""

    def __init__(self, port: int, connections: int) -> None:
        self.spent: list[float] = []
        self._sent_at: list[float] = []
        self._rest: dict[int, bytes] = {}
        self._sockets: list[socket.socket] = []
        while len(self._sockets) < connections:
            self._connect(port, min(WAVE, connections - len(self._sockets)))
        self._poll = select.epoll()
        self._by_fd = {each.fileno(): each for each in self._sockets}
        for fd in self._by_fd:
            self._poll.register(fd, select.EPOLLIN)

    def _connect(self, port: int, count: int) -> None:
        wave = [socket.create_connection(("127.0.0.1", port), PATIENCE) for _ in range(count)]
        for said, awaited in ((UPGRADE, b"0{"), (frame("40"), b"40{")):
            for each in wave:
                each.sendall(said)
            for each in wave:
                heard = b""
                while awaited not in heard:
                    part = each.recv(4096)
                    heard += part
                    assert part, f"the server closed a connection after {heard!r}"
                    assert heard.startswith((b"HTTP/1.1 101", b"\x81")), f"not admitted: {heard!r}"
        self._sockets += wave

    def each_second(self, seconds: float) -> None:
        """Send one message a second over each connection, and read the answers to all."""
        rate, began = len(self._sockets), time.perf_counter()
        total = int(rate * seconds)
        while len(self.spent) < total:
            now = time.perf_counter()
            assert now < began + seconds + PATIENCE, f"{total - len(self.spent)} of {total} messages were not answered"
            due = min(total, int((now - began) * rate) + 1)
            for n in range(len(self._sent_at), min(due, len(self._sent_at) + BURST)):
                self._sent_at.append(time.perf_counter())
                self._sockets[n % rate].sendall(frame(MESSAGE % (n, n)))
            until_next = began + len(self._sent_at) / rate - time.perf_counter()
            for fd, _ in self._poll.poll(max(0.0, until_next) if len(self._sent_at) < total else 1.0):
                self._read(fd)

    def _read(self, fd: int) -> None:
        data = self._rest.pop(fd, b"") + self._by_fd[fd].recv(65536)
        assert data, "the server closed a connection"
        at = 0
        while len(data) >= at + 2 and len(data) >= (end := at + 2 + data[at + 1]):
            assert data[at] == 0x81, f"the server sent something else: {data[at:end]!r}"
            assert data[at + 1] < 126, "the server sent more than an answer"
            self._heard(fd, data[at + 2 : end])
            at = end
        if at < len(data):
            self._rest[fd] = data[at:]

    def _heard(self, fd: int, packet: bytes) -> None:
        if packet.startswith(b"43"):
            assert b'"ok":true' in packet, packet
            self.spent.append(time.perf_counter() - self._sent_at[int(packet[2 : packet.index(b"[")])])
        else:
            assert packet == b"2", packet
            self._by_fd[fd].sendall(frame("3"))
