"""How many messages a second the socket batcher acknowledges, beside a bare python-socketio server that only answers.

    python benchmarks/socket_batcher.py [MESSAGES] [CONNECTIONS]      acknowledged messages a second, and to the sink
    python benchmarks/socket_batcher.py --crowd [CONNECTIONS] [SECONDS]      one message a second each: p99, memory

Whole processes: redis-server with AOF every second, the batcher, a worker that writes to SQLite, and this one, which is
all the clients. Every client keeps WINDOW messages on their way.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import resource
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
from crowd import UPGRADE, Crowd

BIN = Path(sys.executable).parent
WINDOW = 50
TEXT, PING, PONG = 0x81, 0x89, 0x8A
BARE = """
import sys, socketio, uvicorn
server = socketio.AsyncServer(async_mode="asgi")
@server.on("data")
async def data(sid, message):
    return {"ok": True, "msg_id": message["msg_id"]}
uvicorn.run(socketio.ASGIApp(server), port=int(sys.argv[1]), log_level="error", ws_per_message_deflate=False)
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def running(command: list[str], **env: str) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(command, env={**os.environ, **env}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.terminate()
        process.wait()


def wait_for(port: int, path: str) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        with suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}{path}") as reply:
            if reply.status == 200:
                return
        time.sleep(0.05)
    raise TimeoutError(path)


class Client(asyncio.Protocol):
    """One connection, which speaks no more of web sockets than it must: what it costs is taken from the server.

    `spent` is how long each answer took, in seconds.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.sent_at: dict[int, float] = {}
        self.spent: list[float] = []
        self._data = b""
        self._packets: asyncio.Queue[str] = asyncio.Queue()
        self._all_answered = asyncio.Event()

    async def open(self, port: int) -> None:
        transport, _ = await asyncio.get_running_loop().create_connection(lambda: self, "127.0.0.1", port)
        self._transport = transport
        transport.write(UPGRADE)
        await self._packets.get()
        self._write(TEXT, b"40")
        await self._packets.get()

    def close(self) -> None:
        self._transport.close()

    def data_received(self, data: bytes) -> None:
        data = self._data + data
        if data.startswith(b"HTTP"):
            head, end, rest = data.partition(b"\r\n\r\n")
            assert b" 101 " in head, head
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
            if not self.sent_at:
                self._all_answered.set()
        elif text == "2":
            self._write(TEXT, b"3")
        else:
            self._packets.put_nowait(text)

    def _write(self, kind: int, content: bytes) -> None:
        """A frame, masked with zeros."""
        size = len(content)
        length = bytes([0x80 | size]) if size < 126 else b"\xfe" + size.to_bytes(2, "big")
        self._transport.write(bytes([kind]) + length + b"\0\0\0\0" + content)

    def send(self, n: int) -> None:
        message = {"msg_id": f"{self.name}-{n}", "message": "Hello from a benchmark " * 3, "user_id": self.name}
        message["timestamp"] = "2026-01-01T12:00:00.123Z"
        self.sent_at[n] = time.perf_counter()
        self._all_answered.clear()
        self._write(TEXT, f'42{n}["data",{json.dumps(message)}]'.encode())

    async def all_answered(self) -> None:
        if self.sent_at:
            await self._all_answered.wait()

    async def send_all(self, count: int) -> None:
        """Send with WINDOW on their way."""
        for n in range(count):
            while len(self.sent_at) >= WINDOW:
                await asyncio.sleep(0.001)
            self.send(n)
        await self.all_answered()


async def opened(port: int, count: int) -> list[Client]:
    clients = [Client(f"c{n}") for n in range(count)]
    await asyncio.gather(*(client.open(port) for client in clients))
    return clients


async def flood(port: int, messages: int, connections: int) -> float:
    """Acknowledged messages a second."""
    clients = await opened(port, connections)
    began = time.perf_counter()
    await asyncio.gather(*(client.send_all(messages // connections) for client in clients))
    rate = messages / (time.perf_counter() - began)
    for client in clients:
        client.close()
    return rate


def crowd(port: int, connections: int, seconds: int, server: Any) -> None:
    began, processes = time.perf_counter(), (psutil.Process(server.pid), psutil.Process())
    clients = Crowd(port, connections)
    print(f"{connections} connections made in {time.perf_counter() - began:.1f} s")
    before = [sum(each.cpu_times()[:2]) for each in processes]
    began = time.perf_counter()
    clients.each_second(seconds)
    took, spent = time.perf_counter() - began, sorted(clients.spent)
    p50, p99 = (spent[int(len(spent) * share)] * 1000 for share in (0.5, 0.99))
    rss = processes[0].memory_info().rss / 1e6
    cpu, own = (
        (sum(each.cpu_times()[:2]) - was) / len(spent) * 1e6 for each, was in zip(processes, before, strict=True)
    )
    print(f"{len(spent):,} acks in {took:.1f} s: p50 {p50:.0f} ms, p99 {p99:.0f} ms, longest {spent[-1] * 1000:.0f} ms")
    print(f"the batcher: {rss:.0f} MB, {cpu:.0f} us of a core a message; its clients {own:.0f} us")


def count(folder: Path) -> int:
    with suppress(sqlite3.OperationalError), sqlite3.connect(folder / "qctl.db", timeout=10) as db:
        return int(db.execute("SELECT COUNT(*) FROM messages").fetchone()[0])
    return 0


def main() -> None:
    gc.disable()  # what it costs here is not the server's
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    crowded = "--crowd" in sys.argv
    numbers = [int(word) for word in sys.argv[1:] if word.isdecimal()]
    folder = Path(tempfile.mkdtemp(dir=Path.cwd()))
    path, port = folder / "redis.sock", free_port()
    redis = ["redis-server", "--port", "0", "--unixsocket", str(path), "--dir", str(folder), "--save", ""]
    env = {"REDIS_URL": f"unix://{path}", "QCTL_HOME": str(folder), "PORT": str(port)}
    env["QCTL_SOCKET_RATE"] = "1000000"
    try:
        if not crowded:
            bare = free_port()
            with running([sys.executable, "-c", BARE, str(bare)]):
                wait_for(bare, "/socket.io/?EIO=4&transport=polling")
                plain = asyncio.run(flood(bare, *(numbers or [100_000, 100])))
                print(f"bare python-socketio   {plain:8,.0f} acks/s")
        with (
            running([*redis, "--appendonly", "yes"]),
            running([str(BIN / "qctl-socket-batcher")], **env) as batcher,
            running([str(BIN / "qctl-worker"), "socket-data"], **env),
        ):
            wait_for(port, "/healthz")
            if crowded:
                crowd(port, *(numbers or [5000, 20]), batcher)
                return
            total = (numbers or [100_000])[0]
            began = time.perf_counter()
            rate = asyncio.run(flood(port, *(numbers or [100_000, 100])))
            print(f"socket batcher         {rate:8,.0f} acks/s, {rate / plain:.0%} of the bare one")
            while count(folder) < total:
                time.sleep(0.1)
            print(
                f"to the sink            {total / (time.perf_counter() - began):8,.0f} rows/s, connecting and tail too"
            )
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
