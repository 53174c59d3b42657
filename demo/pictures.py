"""Draws the monitor's screens of a running demo: `python -m demo.pictures FOLDER`, which is `make pictures`.

They show the data of the site as it is, unlike the pictures of `make screens`, which show made-up data for tests.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from qctl.ops import Ops
from qctl.settings import Settings
from qctl.tui.app import Monitor
from qctl.tui.data.cached_data import CachedData

SIZE = (120, 34)
"""Columns and rows of a picture."""

SETTLE_SECONDS = 5.0
"""Time for a screen to read and draw."""

SCREENS = {"site": "1"}
"""Pictures, with the key of their screen."""


async def draw(folder: Path) -> None:
    """Write one SVG for each screen. Raises QctlError if the demo does not run."""
    folder.mkdir(parents=True, exist_ok=True)
    ops = Ops(Settings.load(environ={"QCTL_HOME": os.environ.get("QCTL_HOME", "var/demo")}))
    app = Monitor(CachedData(ops), ops, target="redis of make demo", read_only="this picture is read-only")
    async with app.run_test(size=SIZE) as pilot:
        for name, key in SCREENS.items():
            await pilot.press(key)
            await pilot.pause(SETTLE_SECONDS)
            (folder / f"{name}.svg").write_text(app.export_screenshot(title="qctl monitor"))
    ops.close()


if __name__ == "__main__":
    asyncio.run(draw(Path(sys.argv[1])))
