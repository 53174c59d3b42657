"""Several contexts: the page that shows all, and the keys that switch to another."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from qctl.tui.app import Monitor
from tui.driving import Driver
from tui.fake import MonitorOps, sites


def switched(keys: str, seen: str) -> str | None:
    """Press keys in a monitor of three contexts, once it shows a text. Returns the context that it ended with."""

    async def run() -> str | None:
        ops: Any = MonitorOps()
        app = Monitor(ops, ops, target="redis://prod:6379/0", sites=sites())
        async with app.run_test(size=(120, 30)) as pilot:
            driver = Driver(app, pilot)
            await driver.press("0")
            await driver.until("● ok")
            await driver.until("Redis at stage does not answer")
            await driver.until("email: the oldest job waits 2 h")
            await driver.until("1208")
            assert " prod " in driver.lines[0]
            await driver.press(*keys.split())
            await driver.until(lambda: app._exit or seen in driver.text)
            return app.return_value

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("keys", "seen", "context"),
    [
        ("enter", "", "dev"),
        ("down enter", "prod is shown", None),
        ("g down enter", "", "stage"),
        ("g up enter", "", "dev"),
        ("g escape", "Fleet", None),
    ],
)
def test_a_context_is_chosen_by_its_row_or_by_the_key(keys: str, seen: str, context: str | None) -> None:
    assert switched(keys, seen or "never shown") == context
