"""A TCP proxy on 127.0.0.1 that does what networks do: what goes by comes late, is lost, or ends in the middle.

Most suites cut connections; few lose the reply alone. Then what was asked for was done, and who asked cannot know.
"""

from __future__ import annotations

import asyncio
import random
import socket
import threading
from collections.abc import Callable, Collection
from dataclasses import dataclass
from types import TracebackType

Match = Callable[[bytes], bool]
"""Asked about each piece of bytes that goes by, in the proxy's own thread."""

CHUNK = 65_536


def _never(_data: bytes) -> bool:
    return False


@dataclass(frozen=True)
class Losing:
    """A loss. Of a `request` a part still goes through; a `reply`, or the reply `reply_to` a request, is lost
    whole. Then the connection is cut, or where it is `silent`, it stays and nothing comes back over it any more.
    """

    request: Match = _never
    reply: Match = _never
    reply_to: Match = _never
    silent: Match = _never


SOUND = Losing()


class Proxy:
    """Forwards to `target`, a port of 127.0.0.1. Used as a context manager; it may be changed while it runs.

    `losing` says what gets lost, `latency` by how many seconds replies come late, `lost` how much got lost so far.
    """

    def __init__(self, target: int) -> None:
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name=f"proxy-{target}", daemon=True)
        self._stopped = asyncio.Event()
        self.port: int = self._listener.getsockname()[1]
        self.losing = SOUND
        self.latency = 0.0
        self.lost = 0

    def choose_target(self) -> int:
        """The port for a new connection. Called in the proxy's own thread."""
        return self._target

    @property
    def redis_url(self) -> str:
        """The URL of a Redis behind it."""
        return f"redis://127.0.0.1:{self.port}/0"

    def heal(self) -> None:
        """Lose and delay nothing from now on."""
        self.losing, self.latency = SOUND, 0.0

    def lose_replies(self, count: int) -> None:
        """Lose the next `count` replies, whatever they are."""
        until = self.lost + count
        self.losing = Losing(reply=lambda _: self.lost < until)

    def __enter__(self) -> Proxy:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._stopped.set)
        self._thread.join()

    def _run(self) -> None:
        self._loop.run_until_complete(self._serve())
        tasks = asyncio.all_tasks(self._loop)
        for task in tasks:
            task.cancel()
        self._loop.run_until_complete(self._end(tasks))
        self._loop.close()

    async def _end(self, tasks: Collection[asyncio.Task[object]]) -> None:
        """Let cancelled connections end: each is aborted, and its transport closes a turn of the loop later."""
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)

    async def _serve(self) -> None:
        server = await asyncio.start_server(self._connected, sock=self._listener)
        await self._stopped.wait()
        server.close()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            above = await asyncio.open_connection("127.0.0.1", self.choose_target())
        except (OSError, asyncio.CancelledError):
            writer.transport.abort()
            return
        await _Connection(self, (reader, writer), above).run()


Side = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class _Connection:
    """One connection through a proxy, from `below`, who asks, to `above`, who replies."""

    def __init__(self, proxy: Proxy, below: Side, above: Side) -> None:
        self._proxy = proxy
        self._below = below
        self._above = above
        self._late: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
        self._doomed = self._silent = False

    async def run(self) -> None:
        """Forward both ways until one of them ends, or something is lost."""
        parts = [asyncio.ensure_future(part()) for part in (self._up, self._down, self._deliver)]
        try:
            await asyncio.wait(parts, return_when=asyncio.FIRST_COMPLETED)
            while not self._late.empty() and not self._doomed and not parts[2].done():
                await asyncio.sleep(0.01)
        finally:
            for part in parts:
                part.cancel()
            await asyncio.gather(*parts, return_exceptions=True)
            self._below[1].transport.abort()
            self._above[1].transport.abort()

    async def _up(self) -> None:
        while data := await self._below[0].read(CHUNK):
            losing = self._proxy.losing
            if losing.request(data):
                self._proxy.lost += 1
                self._doomed = True
                self._above[1].write(data[: random.randrange(len(data))])
                await self._above[1].drain()
                await asyncio.sleep(0.01)  # an abort would take back what was just written
                return
            self._doomed = self._doomed or losing.reply_to(data)
            self._above[1].write(data)
            await self._above[1].drain()

    async def _down(self) -> None:
        while data := await self._above[0].read(CHUNK):
            if self._silent:
                continue
            if self._doomed or self._proxy.losing.reply(data):
                self._proxy.lost += 1
                self._doomed = True
                self._silent = self._proxy.losing.silent(data)
                if not self._silent:
                    return
                continue
            self._late.put_nowait((asyncio.get_running_loop().time() + self._proxy.latency, data))

    async def _deliver(self) -> None:
        while True:
            due, data = await self._late.get()
            await asyncio.sleep(due - asyncio.get_running_loop().time())
            self._below[1].write(data)
            await self._below[1].drain()
