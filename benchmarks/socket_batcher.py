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
from websockets.asyncio.client import connect

BIN = Path(sys.executable).parent
WINDOW = 50
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


class Client:
    """One connection. `spent` is how long each answer took, in seconds."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.sent_at: dict[int, float] = {}
        self.spent: list[float] = []

    async def open(self, port: int) -> None:
        url = f"ws://127.0.0.1:{port}/socket.io/?EIO=4&transport=websocket"
        self.socket = await connect(url, compression=None, ping_interval=None, open_timeout=60)
        await self.socket.recv()
        await self.socket.send("40")
        await self.socket.recv()

    async def send(self, n: int) -> None:
        message = {"msg_id": f"{self.name}-{n}", "message": "Hello from a benchmark " * 3, "user_id": self.name}
        message["timestamp"] = "2026-01-01T12:00:00.123Z"
        self.sent_at[n] = time.perf_counter()
        await self.socket.send(f'42{n}["data",{json.dumps(message)}]')

    async def answers(self, count: int) -> None:
        while count:
            text = str(await self.socket.recv())
            if text == "2":
                await self.socket.send("3")
            elif text.startswith("43"):
                assert '"ok":true' in text, text
                self.spent.append(time.perf_counter() - self.sent_at.pop(int(text[2 : text.index("[")])))
                count -= 1

    async def send_all(self, count: int) -> None:
        """Send with WINDOW on their way."""
        reading = asyncio.create_task(self.answers(count))
        for n in range(count):
            while len(self.sent_at) >= WINDOW:
                await asyncio.sleep(0.001)
            await self.send(n)
        await reading

    async def send_each_second(self, seconds: int, offset: float) -> None:
        """Send one a second."""
        await asyncio.sleep(offset)
        for n in range(seconds):
            await self.send(n)
            await asyncio.sleep(1)


async def opened(port: int, count: int, first: int = 0) -> list[Client]:
    clients = [Client(f"c{first + n}") for n in range(count)]
    await asyncio.gather(*(client.open(port) for client in clients))
    return clients


async def flood(port: int, messages: int, connections: int) -> float:
    """Acknowledged messages a second."""
    clients = await opened(port, connections)
    began = time.perf_counter()
    await asyncio.gather(*(client.send_all(messages // connections) for client in clients))
    rate = messages / (time.perf_counter() - began)
    await asyncio.gather(*(client.socket.close() for client in clients))
    return rate


async def crowd(port: int, connections: int, seconds: int, server: Any) -> None:
    began, process = time.perf_counter(), psutil.Process(server.pid)
    clients: list[Client] = []
    reading = []
    while len(clients) < connections:
        clients += await opened(port, min(100, connections - len(clients)), first=len(clients))
        # Who does not answer the server's pings is dropped, so all are read from the beginning.
        reading += [asyncio.create_task(client.answers(seconds)) for client in clients[len(reading) :]]
    print(f"{connections} connections made in {time.perf_counter() - began:.1f} s")
    before = sum(process.cpu_times()[:2])
    await asyncio.gather(*(client.send_each_second(seconds, n / connections) for n, client in enumerate(clients)))
    await asyncio.gather(*reading)
    spent = sorted(each for client in clients for each in client.spent)
    p50, p99 = (spent[int(len(spent) * share)] * 1000 for share in (0.5, 0.99))
    rss, cpu = process.memory_info().rss / 1e6, (sum(process.cpu_times()[:2]) - before) / len(spent) * 1e6
    print(f"{len(spent):,} acks: p50 {p50:.0f} ms, p99 {p99:.0f} ms, longest {spent[-1] * 1000:.0f} ms")
    print(f"the batcher: {rss:.0f} MB, {cpu:.0f} us of a core a message")


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
                asyncio.run(crowd(port, *(numbers or [5000, 20]), batcher))
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
