"""The socket batcher: an HTTP server that puts its Socket.IO clients' messages into the buffer in groups.

Several may run behind a balancer, because no process holds state that matters. Clients that stay with polling need a
balancer that keeps a client with one process, as with every Socket.IO server.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import threading
import time
from typing import Any

from qctl.broker.bookkeeping.heartbeats import Heartbeats
from qctl.catalog import PIPELINES
from qctl.compat.socketio_server import websocket_protocol
from qctl.compat.uvicorn_guard import GuardedConfig
from qctl.compat.uvicorn_server import Server
from qctl.errors import QctlError
from qctl.guard.connections import ConnectionGuard
from qctl.guard.denials import Denials
from qctl.host_guard import HostGuard, origin_hosts
from qctl.listener import BACKLOG, DrainNotice, Listener, allow_many_files, connection_guard
from qctl.models import SourceState
from qctl.quantities import clause
from qctl.settings import Settings
from qctl.sources.asgi_front import AsgiFront
from qctl.sources.batch_cutter import BatchCutter
from qctl.sources.destination import Destination
from qctl.sources.direct_writer import DirectWriter
from qctl.sources.group_commit import GroupCommit
from qctl.sources.socketio_server import SocketServer
from qctl.supervisor import Heartbeat

log = logging.getLogger(__name__)

STOP_POLL_SECONDS = 0.2
"""Pause between checks of the stop event."""

FIRST_CHECK_SECONDS = 5.0
"""Maximum time to wait for the first check of the buffer before connections are taken. A client that connects before
it would get 503."""

FIRST_CHECK_POLL_SECONDS = 0.01
"""Pause between two looks whether it has ended."""

DRAIN_SECONDS = 20.0
"""Time to commit the messages that were received when told to stop; Redis may be away."""

CATCH_UP_SECONDS = 1.0
"""Time of one wait for commits while draining."""

GC_THRESHOLDS = (100_000, 50, 100)
"""Thresholds of Python's cyclic garbage collector. The default ones scan the objects of all connections so often that
this is half of the CPU time of 3,000 connections (measured: 264 us per message, 135 us with these)."""


class SocketBatcher:
    """Serves PORT until `stop` is set, then drains. Messages go to `destination`, by default the buffer `messages`."""

    def __init__(
        self, settings: Settings, stop: threading.Event, beat: Heartbeat, destination: Destination | None = None
    ) -> None:
        self._destination = destination or Destination.buffered(settings, PIPELINES["messages"], "qctl-socket-batcher")
        self._settings = settings
        self._stop = stop
        self._beat = beat

    def run(self) -> None:
        """Serve. Raises SettingsError if its port cannot be used, QctlError if messages are lost at the end."""
        settings = self._settings
        listener = Listener(
            ("QCTL_SOCKET_HOST", settings.socket_host),
            (settings.port_setting("socket-batcher"), settings.socket_port),
            "set QCTL_SOCKET_PORT to a free port, or QCTL_SOCKET_ENABLED=false",
        )
        guard = connection_guard(settings, Denials(), allow_many_files())
        gc.set_threshold(*GC_THRESHOLDS)
        with listener, self._destination.connection, self._destination.cutter as cutter:
            commit = GroupCommit(settings, self._destination.buffer, cutter.wake)
            try:
                beats = self._destination.heartbeats
                loop = _EventLoop(settings, commit, cutter, self._stop, self._beat, guard, beats)
                asyncio.run(loop.run(listener))
            finally:
                commit.close()


class _EventLoop:
    """All tasks of the event loop: the HTTP server, the commits, and the check of the stop event."""

    def __init__(
        self,
        settings: Settings,
        commit: GroupCommit,
        cutter: BatchCutter | DirectWriter,
        stop: threading.Event,
        beat: Heartbeat,
        guard: ConnectionGuard,
        heartbeats: Heartbeats | DirectWriter,
    ) -> None:
        self._settings = settings
        self._heartbeats = heartbeats
        self._writing: asyncio.Future[None] | None = None
        self._guard = guard
        self._commit = commit
        self._cutter = cutter
        self._beat = beat
        self._notice = DrainNotice(stop, settings.drain_notice)
        self._draining = False
        if settings.log_level != "debug":
            logging.getLogger("uvicorn").setLevel(logging.WARNING)
        self._sockets = SocketServer(settings, commit, guard.denials)
        self._front = AsgiFront(
            self._sockets.sessions,
            self._unavailable,
            self._health,
            self._sockets.is_blocked,
            self._sockets.reject_too_large,
        )
        own_names = [*settings.hosts, settings.socket_host, *origin_hosts(settings.client_url)]
        self._http = Server(
            GuardedConfig(
                guard.limit_requests(HostGuard(self._front, own_names)),
                guard,
                ws=websocket_protocol(),
                ws_max_size=self._sockets.max_bytes,
                ws_ping_interval=None,  # Engine.IO has pings of its own
                ws_per_message_deflate=False,  # it costs 300 KB per connection
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=bool(settings.trusted_proxies),
                forwarded_allow_ips=list(settings.trusted_proxies),
                backlog=BACKLOG,
                timeout_graceful_shutdown=2,
            )
        )

    async def run(self, listener: Listener) -> None:
        """Serve until the stop event and QCTL_DRAIN_NOTICE longer, then drain. Raises RuntimeError if one of the tasks
        ends before, SettingsError if the address is taken."""
        committing = asyncio.create_task(self._commit.serve())
        try:
            await self._first_check()
            await self._serve(listener, committing)
        finally:
            committing.cancel()
            await asyncio.gather(committing, return_exceptions=True)

    async def _first_check(self) -> None:
        """Wait until the state of the buffer is known, so that no client is refused because the process is new."""
        deadline = time.monotonic() + FIRST_CHECK_SECONDS
        while not (self._commit.checked or self._notice.is_given) and time.monotonic() < deadline:
            self._beat("starting", ready=False)
            await asyncio.sleep(FIRST_CHECK_POLL_SECONDS)

    async def _serve(self, listener: Listener, committing: asyncio.Task[None]) -> None:
        serving = asyncio.create_task(self._http.serve([listener.open()]))
        try:
            while not self._notice.is_over:
                self._cutter.check()
                self._guard.denials.check()
                self._beat(self._status(), ready=self._http.started)
                self._report()
                done, _ = await asyncio.wait(
                    [committing, serving], timeout=STOP_POLL_SECONDS, return_when=asyncio.FIRST_COMPLETED
                )
                if done:
                    raise RuntimeError("a task of the socket batcher ended") from next(iter(done)).exception()
            await self._drain()
            if self._writing is not None:
                await asyncio.wait([self._writing])
            await asyncio.to_thread(self._heartbeats.beat, "stopped")
        finally:
            self._http.should_exit = True
            await asyncio.gather(serving, return_exceptions=True)

    def _report(self) -> None:
        """Write the heartbeat in a thread, because Redis may not answer. While one is written no other begins."""
        if self._heartbeats.is_due and (self._writing is None or self._writing.done()):
            reason = self._unavailable() or ""
            state: SourceState = "waiting" if reason else "serving"
            loop = asyncio.get_running_loop()
            self._writing = loop.run_in_executor(None, self._heartbeats.beat, state, reason)

    async def _drain(self) -> None:
        """Admit no more clients, acknowledge the received messages, make all clients reconnect elsewhere, and commit
        the messages that they had sent before."""
        self._draining = True
        deadline = time.monotonic() + DRAIN_SECONDS
        await self._commit.caught_up(CATCH_UP_SECONDS)
        self._sockets.send_all_away()
        while self._sockets.connections and time.monotonic() < deadline:
            self._beat()
            await asyncio.sleep(0.05)
        while not await self._commit.caught_up(CATCH_UP_SECONDS) and time.monotonic() < deadline:
            self._beat(f"{clause(self._commit.waiting, 'message', 'waits', 'wait')}: {self._commit.busy}")
        if self._commit.waiting:
            raise QctlError(lost_messages(self._commit.waiting, self._commit.busy or "the time to drain was over"))

    def _unavailable(self) -> str | None:
        """The reason that no more clients are admitted, None if they are."""
        if self._draining:
            return "the batcher is stopping"
        if self._sockets.admitted >= self._settings.socket_connections:
            return "the limit of QCTL_SOCKET_CONNECTIONS is reached"
        return self._commit.busy

    def _health(self) -> dict[str, Any]:
        reason = "the batcher is stopping" if self._notice.is_given else self._unavailable()
        return {
            "ok": reason is None,
            "reason": reason,
            "connections": self._sockets.admitted,
            "unadmitted": self._sockets.sessions.unadmitted,
            "refused": self._front.refused,
            "denials": self._guard.denials.counts,
            "waiting": self._commit.waiting,
            "committed": self._commit.committed,
            "rejected": self._commit.rejected,
        }

    def _status(self) -> str:
        reason = self._unavailable()
        state = "taking messages" if reason is None else f"not taking messages: {reason}"
        return f"{self._sockets.admitted} connections, {state}"


def lost_messages(count: int, reason: str) -> str:
    """The error for messages that were neither stored nor acknowledged."""
    return f"{count} unacknowledged {'message' if count == 1 else 'messages'} lost: {reason}"
