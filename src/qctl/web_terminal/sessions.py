"""Sessions of the web terminal: each is a monitor process between the web socket of a browser and its end.

A session ends when the browser leaves or falls silent, when its login ends, and when the server ends, even by SIGKILL.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect

from qctl.errors import QctlError
from qctl.stack.die_with_parent import shell_command
from qctl.web_terminal.monitor_process import MonitorProcess

log = logging.getLogger(__name__)

MAX_SESSIONS = 8
"""Sessions at once: each is a process of about 60 MB. Beyond that, the web socket is closed with `TRY_AGAIN_LATER`."""

SILENCE_SECONDS = 150.0
"""Time (s) without a message after which a browser is gone. `terminal.js` sends one every 10 s; browsers run timers of
a hidden page once a minute."""

LOGIN_CHECK_SECONDS = 10.0
"""Time (s) between checks of a login."""

MAX_TERMINAL_SIZE = 500
"""Largest number of columns and lines; a larger terminal is cut to it, because its cells take memory here."""

NORMAL_CLOSURE = 1000
TRY_AGAIN_LATER = 1013
"""Close codes of RFC 6455."""


@dataclass(frozen=True)
class Login:
    """A login that sessions belong to. `user` signs the actions of the monitor, None for the user of this process.
    `is_valid` is checked while a session lasts, and may raise QctlError."""

    id: str = ""
    user: str | None = None
    expires: datetime | None = None
    is_valid: Callable[[], Awaitable[bool]] | None = None


class Sessions:
    """The sessions of one server. `command` is the monitor, and `environment` is added to that of this process."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], *, keep_stderr: bool = False) -> None:
        self._command = command
        self._environment = environment
        self._keep_stderr = keep_stderr
        self._logins: dict[asyncio.Event, str] = {}
        """The login of each open session, by the event that ends the session."""

    async def serve(self, socket: WebSocket, login: Login) -> None:
        """Connect a browser with a monitor until one of them ends."""
        await socket.accept()
        if len(self._logins) >= MAX_SESSIONS:
            await socket.close(TRY_AGAIN_LATER, f"{MAX_SESSIONS} sessions are open already")
            return
        logged_out = asyncio.Event()
        self._logins[logged_out] = login.id
        trace = str(uuid.uuid4())  # of every action in this session
        context = {"userId": login.user, "traceId": trace}
        log.info("panel opened: user=%s", login.user, extra={"event": "panel opened", **context})
        environment = {**self._environment, "QCTL_TRACE_ID": trace}
        if login.user is not None:
            environment["LOGNAME"] = login.user  # Python reads the name of the user from here first
        try:
            reason = await self._run(_Session(self._process(environment, socket), socket), login, logged_out)
        finally:
            del self._logins[logged_out]
            log.info("panel closed: user=%s", login.user, extra={"event": "panel closed", **context})
        with contextlib.suppress(RuntimeError):  # the browser has closed it
            await socket.close(NORMAL_CLOSURE, reason)

    def end(self, login_id: str) -> None:
        """End all sessions of a login."""
        for logged_out, login in self._logins.items():
            if login == login_id:
                logged_out.set()

    def _process(self, environment: Mapping[str, str], socket: WebSocket) -> MonitorProcess:
        async def draw(data: bytes) -> None:
            with contextlib.suppress(RuntimeError, WebSocketDisconnect):  # the browser is gone; `listen` returns
                await socket.send_bytes(data)

        command = shell_command(tuple(self._command), signal.SIGKILL)
        return MonitorProcess(command, environment, draw, keep_stderr=self._keep_stderr)

    async def _run(self, session: _Session, login: Login, logged_out: asyncio.Event) -> str:
        """Run a session. Returns why it ended."""
        await session.start()
        reasons = {
            asyncio.create_task(session.listen()): "the connection to the browser was lost",
            asyncio.create_task(session.process.run()): "",
            asyncio.create_task(logged_out.wait()): "you have logged out",
        }
        if login.is_valid:
            reasons[asyncio.create_task(_until_invalid(login.is_valid))] = "the login is no longer valid"
        seconds = max(0.0, (login.expires - datetime.now(timezone.utc)).total_seconds()) if login.expires else None
        try:
            done, _ = await asyncio.wait(reasons, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in reasons:
                task.cancel()
            await session.process.stop()
        return reasons[done.pop()] if done else "the login has expired: log in again"


class _Session:
    """One browser and its monitor."""

    def __init__(self, process: MonitorProcess, socket: WebSocket) -> None:
        self.process = process
        self._socket = socket

    async def start(self) -> None:
        """Start the monitor in the size that the browser asks for."""
        size = self._socket.query_params
        await self.process.start(_size(size.get("width"), 80), _size(size.get("height"), 24))

    async def listen(self) -> None:
        """Pass on the browser's messages until it leaves, falls silent, or sends an invalid message."""
        while True:
            try:
                message = await asyncio.wait_for(self._socket.receive_json(), SILENCE_SECONDS)
                await self._handle(*message)
            except (WebSocketDisconnect, RuntimeError, asyncio.TimeoutError):
                return
            except (KeyError, TypeError, ValueError):
                log.info("panel: invalid message from the browser")
                return

    async def _handle(self, kind: str, value: Any = None) -> None:
        if kind == "stdin":
            await self.process.type(str(value))
        elif kind == "resize":
            await self.process.resize(_size(value["width"], 80), _size(value["height"], 24))
        elif kind in ("focus", "blur"):
            await self.process.set_focus(kind == "focus")


async def _until_invalid(is_valid: Callable[[], Awaitable[bool]]) -> None:
    """Return when a login is invalid, or when that cannot be checked."""
    with contextlib.suppress(QctlError):
        while await is_valid():
            await asyncio.sleep(LOGIN_CHECK_SECONDS)


def _size(requested: Any, default: int) -> int:
    """The columns or lines that a browser asks for, within bounds."""
    try:
        return min(MAX_TERMINAL_SIZE, max(1, int(requested)))
    except (TypeError, ValueError, OverflowError):
        return default
