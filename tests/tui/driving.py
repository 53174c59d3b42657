"""Pressing keys in a monitor and reading its screen, without a terminal."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

from textual.pilot import Pilot

from qctl.tui.app import Monitor

PATIENCE = 20.0
"""Seconds that something may take to be on the screen."""


class Driver:
    """A monitor that runs."""

    def __init__(self, app: Monitor, pilot: Pilot[None]) -> None:
        self.app = app
        self._pilot = pilot

    @property
    def lines(self) -> list[str]:
        """What the screen shows."""
        return [strip.text for strip in self.app.screen._compositor.render_strips()]

    @property
    def text(self) -> str:
        """The same in one."""
        return "\n".join(self.lines)

    async def press(self, *keys: str) -> None:
        """Press keys, one after another."""
        await self._pilot.press(*keys)

    async def type(self, text: str) -> None:
        """Type a text."""
        names = {" ": "space", "-": "minus", "!": "exclamation_mark"}
        await self._pilot.press(*(names.get(letter, letter) for letter in text))

    async def until(self, wanted: str | Callable[[], Any]) -> None:
        """Wait until a text is on the screen, or something is true."""
        deadline = time.monotonic() + PATIENCE
        while not (wanted in self.text if isinstance(wanted, str) else wanted()):
            assert time.monotonic() < deadline, f"{wanted!r} did not come:\n{self.text}"
            await self._pilot.pause(0.01)


def drive(
    ops: Any,
    script: Callable[[Driver], Awaitable[None]],
    *,
    size: tuple[int, int] = (100, 30),
    data: Any = None,
    **options: Any,
) -> None:
    """Run a monitor on a fake `Ops`, or on other data beside it, and do with it what the script says."""

    async def run() -> None:
        app = Monitor(data or ops, ops, target="redis://localhost:6379/0", **options)
        async with app.run_test(size=size) as pilot:
            driver = Driver(app, pilot)
            await driver.until("● connected")
            await script(driver)

    asyncio.run(run())
