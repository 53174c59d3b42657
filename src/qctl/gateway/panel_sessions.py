"""Visits of the panel: each is `qctl monitor` as a process of its own, between a browser's web socket and an end.

It ends with the visit: when the browser leaves or falls silent, when the login is over, when the gateway ends, however
that does. The terminal that is drawn in the browser is textual-serve's.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import sys
import uuid
from collections.abc import Awaitable, Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect
from textual_serve.app_service import AppService
from textual_serve.download_manager import DownloadManager

from qctl.errors import QctlError
from qctl.gateway.tokens import Caller
from qctl.settings import Settings
from qctl.stack.die_with_parent import shell_command

log = logging.getLogger(__name__)

LASTS = 3600
"""Seconds that a login to the panel is good for, unless the token that it was given for ends before."""

MOST = 8
"""Visits at once: each is a process of some 60 MB."""

SILENCE = 150.0
"""Seconds after which a browser that said nothing is gone. `panel.js` says something every 10 s, and browsers let a
page that nobody looks at run once a minute."""

LOOK = 10.0
"""Seconds between two looks whether a visitor may still be here."""

GRACE = 3.0
"""Seconds that a monitor has to end in by itself."""

LARGEST = 500
"""Columns and lines of a terminal: more is nobody's screen, and would be the memory of ours."""

FULL = 1013
ENDED = 1000
"""What the web socket is closed with: try again later, and all is well (RFC 6455)."""

Still = Callable[[], Awaitable[bool]]


class Visits:
    """The visits of one gateway. `settings` are those that the monitors go by."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._open: dict[asyncio.Event, str] = {}

    async def serve(self, socket: WebSocket, who: Caller, login: str, still: Still) -> None:
        """Show the monitor until an end. `who` is signed by what is done, `login` what `leave` is told; `still` says
        whether somebody may still be here."""
        await socket.accept()
        if len(self._open) >= MOST:
            await socket.close(FULL, f"{MOST} panels are open already")
            return
        left = asyncio.Event()
        self._open[left] = login
        trace = str(uuid.uuid4())  # of all that is done in it
        told = {"userId": who.id, "traceId": trace}
        log.info("%s opens the panel", who.id, extra={"event": "panel opened", **told})
        try:
            reason = await self._show(_Monitor(self._settings, who.id, trace, socket), socket, left, who.expires, still)
        finally:
            del self._open[left]
            log.info("%s leaves the panel", who.id, extra={"event": "panel closed", **told})
        with contextlib.suppress(RuntimeError):  # the browser has closed it
            await socket.close(ENDED, reason)

    def leave(self, login: str) -> None:
        """End all visits of a login."""
        for left, whose in self._open.items():
            if whose == login:
                left.set()

    async def _show(
        self, monitor: _Monitor, socket: WebSocket, left: asyncio.Event, ends: datetime, still: Still
    ) -> str:
        """Why it ended."""
        await monitor.start(_size(socket.query_params.get("width"), 80), _size(socket.query_params.get("height"), 24))
        reasons = {
            asyncio.create_task(monitor.listen()): "the browser was not heard of any more",
            asyncio.create_task(monitor.over()): "",
            asyncio.create_task(left.wait()): "you have logged out",
            asyncio.create_task(_as_long_as(still)): "the login is good no longer",
        }
        seconds = (ends - datetime.now(timezone.utc)).total_seconds()
        try:
            done, _ = await asyncio.wait(reasons, timeout=max(0.0, seconds), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in reasons:
                each.cancel()
            await monitor.end()
        return reasons[done.pop()] if done else "the login is over: log in again"


class _Monitor(AppService):
    """One process, and the two ways between it and the browser."""

    def __init__(self, settings: Settings, visitor: str, trace: str, socket: WebSocket) -> None:
        program = Path(sys.executable).with_name("qctl")
        # What it complains of would come into the gateway's own output as it is.
        command = f"{shell_command((str(program), 'monitor', '--no-commands'), signal.SIGKILL)} 2>/dev/null"
        super().__init__(
            command,
            write_bytes=self._show,
            write_str=self._ignore,
            close=self._ignore,
            download_manager=DownloadManager(),
        )
        self._settings = settings
        self._visitor = visitor
        self._trace = trace
        self._socket = socket

    def _build_environment(self, width: int = 80, height: int = 24) -> dict[str, str]:
        return {
            **super()._build_environment(width, height),
            "REDIS_URL": self._settings.redis_target,
            "QCTL_HOME": str(self._settings.home),
            "QCTL_READ_ONLY": str(self._settings.read_only or self._settings.gateway_panel != "act").lower(),
            "LOGNAME": self._visitor,  # where Python looks first for who somebody is
            "QCTL_TRACE_ID": self._trace,
        }

    async def _show(self, data: bytes) -> None:
        with contextlib.suppress(RuntimeError, WebSocketDisconnect):  # the browser is gone, and `listen` says so
            await self._socket.send_bytes(data)

    async def _ignore(self, *_: str) -> None:
        """There are no files for a browser here, and `over` tells of the end."""

    async def over(self) -> None:
        """Return when the process has ended."""
        if self._task is not None:
            await asyncio.shield(self._task)

    async def listen(self) -> None:
        """Pass on what the browser says, until it is gone, says nothing for long, or says what no browser does."""
        while True:
            try:
                message = await asyncio.wait_for(self._socket.receive_json(), SILENCE)
                await self._hear(*message)
            except (WebSocketDisconnect, RuntimeError, asyncio.TimeoutError):
                return
            except (KeyError, TypeError, ValueError):
                log.info("a browser of the panel says what none does")
                return

    async def _hear(self, what: str, said: Any = None) -> None:
        if what == "stdin":
            await self.send_bytes(str(said).encode("utf-8", "replace"))
        elif what == "resize":
            await self.set_terminal_size(_size(said["width"], 80), _size(said["height"], 24))
        elif what == "blur":
            await self.blur()
        elif what == "focus":
            await self.focus()

    async def end(self) -> None:
        """Have it end, by force where it does not."""
        try:
            await asyncio.wait_for(self.stop(), GRACE)
        except asyncio.TimeoutError:
            if self._process is not None and self._process.returncode is None:
                self._process.kill()


async def _as_long_as(still: Still) -> None:
    """Return when it is no longer so, or cannot be found out."""
    with contextlib.suppress(QctlError):
        while await still():
            await asyncio.sleep(LOOK)


def _size(said: Any, otherwise: int) -> int:
    """Columns or lines that a browser asks for."""
    try:
        return min(LARGEST, max(1, int(said)))
    except (TypeError, ValueError, OverflowError):
        return otherwise
