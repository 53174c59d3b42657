"""Limits of web terminal sessions, and processes that are no monitor. The rest is tested through both servers."""

from __future__ import annotations

import asyncio

import pytest

from qctl.web_terminal import monitor_process, sessions
from qctl.web_terminal.monitor_process import MonitorProcess
from qctl.web_terminal.page import ASSETS
from qctl.web_terminal.sessions import Login, Sessions


class ClosedSocket:
    """A web socket that notes why it is closed."""

    def __init__(self) -> None:
        self.closed: list[tuple[int, str]] = []

    async def accept(self) -> None:
        """Open it."""

    async def close(self, code: int, reason: str) -> None:
        """Close it."""
        self.closed.append((code, reason))


def test_a_session_beyond_the_limit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "MAX_SESSIONS", 0)
    socket = ClosedSocket()
    asyncio.run(Sessions(("true",), {}).serve(socket, Login("a login", "ada")))  # type: ignore[arg-type]
    assert socket.closed == [(1013, "0 sessions are open already")]


@pytest.mark.parametrize("command", ["true", "seq 100", "exit 3"])
def test_a_process_that_is_no_monitor_ends_its_session(command: str) -> None:
    drawn: list[bytes] = []

    async def draw(data: bytes) -> None:
        drawn.append(data)

    async def run() -> None:
        process = MonitorProcess(command, {}, draw, keep_stderr=False)
        await process.start(80, 24)
        await asyncio.wait_for(process.run(), 10)
        await process.type("q")
        await process.stop()

    asyncio.run(run())
    assert not drawn


def test_a_process_that_does_not_quit_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(monitor_process, "STOP_SECONDS", 0.1)

    async def draw(data: bytes) -> None:
        raise AssertionError(data)

    async def run() -> int | None:
        process = MonitorProcess("exec sleep 60", {}, draw, keep_stderr=False)
        await process.start(80, 24)
        await process.stop()
        assert process._process is not None
        return await asyncio.wait_for(process._process.wait(), 10)

    assert asyncio.run(run()) == -9


def test_the_assets_are_there() -> None:
    assert all(path.read_bytes() for path in ASSETS.values())
