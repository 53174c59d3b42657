"""The socket batcher: an HTTP server whose Socket.IO clients' messages go into the buffer in groups.

More than one of it may run, behind a balancer: nothing that matters is kept in a process. Clients that stay with
polling need a balancer that keeps a client with one process, as with every Socket.IO server.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import socket
import threading
import time
from typing import Any, Protocol

import uvicorn

from qctl.catalog import PIPELINES
from qctl.compat.socketio_fast_path import Wire
from qctl.errors import QctlError
from qctl.settings import Settings
from qctl.sources.asgi_front import Front
from qctl.sources.batch_cutter import Cutter
from qctl.sources.destination import Destination
from qctl.sources.group_commit import GroupCommit
from qctl.sources.queueless import Direct
from qctl.sources.socketio_server import SocketServer
from qctl.uvicorn_server import BACKLOG, Server, allow_many_files, listen

log = logging.getLogger(__name__)

TICK = 0.2
"""Seconds between two looks whether to stop."""

DRAIN = 20.0
"""Seconds to commit what is in hand when told to stop; Redis may be away."""

COLLECT = (100_000, 50, 100)
"""When Python looks for garbage in cycles. By default it looks through the objects of all connections so often that
this is half of the work for 3,000 of them (measured: 264 us of a core a message, with these 135)."""


class Beat(Protocol):
    """Shows a supervisor that the work goes on (`daemon.Context.beat`)."""

    def __call__(self, status: str = "", *, ready: bool = True) -> None: ...


class SocketBatcher:
    """Serves PORT until `stop` is set, then drains. Messages go to `destination`, by default the buffer `messages`."""

    def __init__(
        self, settings: Settings, stop: threading.Event, beat: Beat, destination: Destination | None = None
    ) -> None:
        self._destination = destination or Destination.buffered(settings, PIPELINES["messages"], "qctl-socket-batcher")
        self._settings = settings
        self._stop = stop
        self._beat = beat

    def run(self) -> None:
        """Serve. Raises SettingsError where PORT cannot be had, QctlError where messages are lost at the end."""
        settings = self._settings
        listener = listen(
            ("QCTL_SOCKET_HOST", settings.socket_host),
            ("PORT", settings.socket_port),
            "set PORT to a free port, or QCTL_SOCKET_ENABLED=false",
        )
        allow_many_files()
        gc.set_threshold(*COLLECT)
        with listener, self._destination.connection, self._destination.cutter as cutter:
            commit = GroupCommit(settings, self._destination.buffer, cutter.wake)
            try:
                asyncio.run(Serving(settings, commit, cutter, self._beat).run(listener, self._stop))
            finally:
                commit.close()


class Serving:
    """One run of the event loop."""

    def __init__(self, settings: Settings, commit: GroupCommit, cutter: Cutter | Direct, beat: Beat) -> None:
        self._settings = settings
        self._commit = commit
        self._cutter = cutter
        self._beat = beat
        self._draining = False
        if settings.log_level != "debug":
            logging.getLogger("uvicorn").setLevel(logging.WARNING)
        self._sockets = SocketServer(settings, commit)
        self._http = Server(
            uvicorn.Config(
                Front(self._sockets.handle_request, self._closed, self._health, self._sockets.max_bytes),
                ws=Wire,
                ws_max_size=self._sockets.max_bytes,
                ws_ping_interval=None,  # Engine.IO has pings of its own
                ws_per_message_deflate=False,  # it costs 300 KB a connection
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                backlog=BACKLOG,
                timeout_graceful_shutdown=2,
            )
        )

    async def run(self, listener: socket.socket, stop: threading.Event) -> None:
        """Serve until `stop` is set, then drain. Raises what ended one of the parts."""
        committing = asyncio.create_task(self._commit.serve())
        serving = asyncio.create_task(self._http.serve([listener]))
        try:
            while not stop.is_set():
                self._cutter.check()
                self._beat(self._status(), ready=self._http.started)
                done, _ = await asyncio.wait([committing, serving], timeout=TICK, return_when=asyncio.FIRST_COMPLETED)
                if done:
                    raise RuntimeError("a part of the socket batcher ended") from next(iter(done)).exception()
            await self._drain()
        finally:
            self._http.should_exit = True
            await asyncio.gather(serving, return_exceptions=True)
            committing.cancel()
            await asyncio.gather(committing, return_exceptions=True)

    async def _drain(self) -> None:
        """Let nobody in, answer what is in hand, send everybody away, commit what they still had sent."""
        self._draining = True
        deadline = time.monotonic() + DRAIN
        await self._commit.caught_up(1.0)
        self._sockets.send_all_away()
        while self._sockets.connections and time.monotonic() < deadline:
            self._beat()
            await asyncio.sleep(0.05)
        while not await self._commit.caught_up(1.0) and time.monotonic() < deadline:
            self._beat(f"{self._commit.waiting} messages wait: {self._commit.busy}")
        if self._commit.waiting:
            raise QctlError(lost(self._commit.waiting, self._commit.busy or "there was no time"))

    def _closed(self) -> str | None:
        if self._draining:
            return "it is stopping"
        if self._sockets.connections >= self._settings.socket_connections:
            return "it has as many connections as QCTL_SOCKET_CONNECTIONS allows"
        return self._commit.busy

    def _health(self) -> dict[str, Any]:
        closed = self._closed()
        return {
            "ok": closed is None,
            "reason": closed,
            "connections": self._sockets.connections,
            "waiting": self._commit.waiting,
            "committed": self._commit.committed,
            "rejected": self._commit.rejected,
        }

    def _status(self) -> str:
        closed = self._closed()
        taking = "taking messages" if closed is None else f"not taking: {closed}"
        return f"{self._sockets.connections} connections, {taking}"


def lost(count: int, why: str) -> str:
    """What is said of messages that nobody kept, and that were not acknowledged."""
    are = "message is lost that was" if count == 1 else "messages are lost that were"
    return f"{count} {are} not acknowledged: {why}"
