"""uvicorn's server without its signal handlers, and its web sockets, with refusals that are no error in the log.

If uvicorn changes how it takes over signals, the handlers that it replaced are put back once it has started. If it
changes its web sockets, servers use them as they are.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import threading
from collections.abc import Iterator
from typing import Any

import uvicorn

from qctl.compat.private_names import PrivateNames, warn_once

try:
    from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
except ImportError:  # then REFUSAL_NAMES reports a change
    WebSocketsSansIOProtocol = object  # type: ignore[misc, assignment]

_SANSIO = "uvicorn.protocols.websockets.websockets_sansio_impl:WebSocketsSansIOProtocol"

PRIVATE_NAMES = PrivateNames("uvicorn", ("uvicorn:Server.capture_signals",))

REFUSAL_NAMES = PrivateNames(
    "uvicorn",
    tuple(f"{_SANSIO}.{name}" for name in ("send(message)", "handshake_complete", "initial_response", "close_sent")),
)

CHANGED = PRIVATE_NAMES.changed()

RESTORE_SECONDS = 0.05
"""Pause between checks whether the server has started."""


class Server(uvicorn.Server):
    """A server that leaves signals to the daemon, which has its own handlers."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve until `should_exit` is set."""
        if CHANGED is None or threading.current_thread() is not threading.main_thread():
            await super().serve(sockets)
            return
        warn_once(CHANGED, "signals that come while the server starts end it at once")
        handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
        restoring = asyncio.create_task(self._restore(handlers))
        try:
            await super().serve(sockets)
        finally:
            restoring.cancel()

    async def _restore(self, handlers: dict[signal.Signals, Any]) -> None:
        """Put the daemon's signal handlers back in place of uvicorn's."""
        while not self.started:
            await asyncio.sleep(RESTORE_SECONDS)
        for number, handler in handlers.items():
            signal.signal(number, handler)


class RefusableWebSocket(WebSocketsSansIOProtocol):
    """A web socket that an application may refuse by an HTTP response. uvicorn's own logs an error for each refusal."""

    async def send(self, message: Any) -> None:
        """Send an event. A complete response completes the handshake, too."""
        await super().send(message)
        if self.initial_response is not None and self.close_sent:
            self.handshake_complete = True


def websocket_protocol() -> Any:
    """The web socket implementation that uvicorn has to use (its option `ws`)."""
    return RefusableWebSocket if REFUSAL_NAMES.changed() is None else "websockets-sansio"
