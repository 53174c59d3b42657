"""Driver of a monitor without a terminal: presses keys and reads the screen."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

from textual.pilot import Pilot

from qctl.tui.app import Monitor
from support.waiting import PATIENCE_SECONDS


class Driver:
    """A running monitor."""

    def __init__(self, app: Monitor, pilot: Pilot[None]) -> None:
        self.app = app
        self._pilot = pilot

    @property
    def lines(self) -> list[str]:
        """The lines of the screen."""
        return [strip.text for strip in self.app.screen._compositor.render_strips()]

    @property
    def text(self) -> str:
        """The lines of the screen as one text."""
        return "\n".join(self.lines)

    async def press(self, *keys: str) -> None:
        """Press keys, one after another."""
        await self._pilot.press(*keys)

    async def type(self, text: str) -> None:
        """Type a text."""
        names = {" ": "space", "-": "minus", "!": "exclamation_mark"}
        await self._pilot.press(*(names.get(letter, letter) for letter in text))

    async def until(self, wanted: str | Callable[[], Any]) -> None:
        """Wait until the screen shows a text, or until a function returns a true value."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not (wanted in self.text if isinstance(wanted, str) else wanted()):
            assert time.monotonic() < deadline, f"{wanted!r} was not shown:\n{self.text}"
            await self._pilot.pause(0.01)


def drive(
    ops: Any,
    script: Callable[[Driver], Awaitable[None]],
    *,
    size: tuple[int, int] = (100, 30),
    data: Any = None,
    **options: Any,
) -> None:
    """Run a script on a monitor of a fake `Ops`; `data` replaces the data that it shows."""

    async def run() -> None:
        app = Monitor(data or ops, ops, target="redis://localhost:6379/0", **options)
        async with app.run_test(size=size) as pilot:
            driver = Driver(app, pilot)
            await driver.until("● connected")
            await script(driver)

    asyncio.run(run())
