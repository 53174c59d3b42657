"""A monitor process that draws into a web terminal, by the protocol of Textual's web driver.

Both directions carry packets: a letter (D: data of the terminal, M: JSON about it), the length in four bytes, and the
payload. The process announces itself with a line of its own before its first packet.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

READY_LINE = b"__GANGLION__\n"

MAX_LINES_BEFORE_READY = 10
"""Lines of other output before `READY_LINE`; a process that writes more is not a monitor."""

STOP_SECONDS = 3.0
"""Time (s) that a monitor has to end after the request to quit; then it is killed."""

DRIVER: Mapping[str, str] = {
    "TEXTUAL_DRIVER": "textual.drivers.web_driver:WebDriver",
    "TEXTUAL_FPS": "60",
    "TEXTUAL_COLOR_SYSTEM": "truecolor",
    "TERM_PROGRAM": "textual",
}
"""Environment that makes a Textual app draw into a web terminal."""


class MonitorProcess:
    """Runs `command`, a line for the shell, in `environment` besides that of this process. `draw` gets its output."""

    def __init__(
        self,
        command: str,
        environment: Mapping[str, str],
        draw: Callable[[bytes], Awaitable[None]],
        *,
        keep_stderr: bool,
    ) -> None:
        self._command = command
        self._environment = environment
        self._draw = draw
        self._stderr = None if keep_stderr else DEVNULL
        self._process: Process | None = None

    async def start(self, columns: int, lines: int) -> None:
        """Start the process with a terminal of this size."""
        size = {"COLUMNS": str(columns), "ROWS": str(lines)}
        self._process = await asyncio.create_subprocess_shell(
            self._command,
            stdin=PIPE,
            stdout=PIPE,
            stderr=self._stderr,
            env={**os.environ, **DRIVER, **size, **self._environment},
        )

    async def run(self) -> None:
        """Draw the output of the process until it ends."""
        output = self._process.stdout if self._process else None
        if output is None:
            return
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionResetError):
            for _ in range(MAX_LINES_BEFORE_READY):
                if await output.readline() == READY_LINE:
                    break
            else:
                return
            while True:
                kind = await output.readexactly(1)
                length = int.from_bytes(await output.readexactly(4), "big")
                payload = await output.readexactly(length)
                if kind == b"D":
                    await self._draw(payload)

    async def type(self, text: str) -> None:
        """Send typed text."""
        await self._send(b"D", text.encode("utf-8", "replace"))

    async def resize(self, columns: int, lines: int) -> None:
        """Change the size of the terminal."""
        await self._send_json(type="resize", width=columns, height=lines)

    async def set_focus(self, focused: bool) -> None:
        """Give the terminal the focus, or take it away."""
        await self._send_json(type="focus" if focused else "blur")

    async def stop(self) -> None:
        """Ask the process to quit; kill it if it does not end in time."""
        process = self._process
        if process is None:
            return
        await self._send_json(type="quit")
        try:
            await asyncio.wait_for(process.wait(), STOP_SECONDS)
        except asyncio.TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                process.kill()

    async def _send_json(self, **payload: Any) -> None:
        await self._send(b"M", json.dumps(payload).encode())

    async def _send(self, kind: bytes, payload: bytes) -> None:
        stdin = self._process.stdin if self._process else None
        if stdin is None:
            return
        with contextlib.suppress(ConnectionError, RuntimeError):  # the process has ended; `run` returns
            stdin.write(kind + len(payload).to_bytes(4, "big") + payload)
            await stdin.drain()
