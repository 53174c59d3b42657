"""Writes pictures of the screens: `python tests/tui/pictures.py FOLDER`, which is `make screens`.

They show made-up data: the same at every run, but for the time of day. What tests compare screens with is written too.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from qctl.tui.app import Monitor
from tui import captures
from tui.fake import MonitorOps

SIZE = (110, 28)

PICTURES = {
    "overview": ["1"],
    "queues": ["2"],
    "pause": ["2", "down", "p"],
    "dead-letters": ["4"],
    "schedules": ["5"],
    "new-job": ["2", "a", "w", "e", "l", "c", "enter"],
    "metrics": ["8"],
}
"""Keys that lead to each picture."""


async def draw(folder: Path) -> None:
    """Write all pictures."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, keys in PICTURES.items():
        ops: Any = MonitorOps()
        app = Monitor(ops, ops, target="redis://localhost:6379/0")
        async with app.run_test(size=SIZE) as pilot:
            for key in keys:
                await pilot.pause(0.5)
                await pilot.press(key)
            await pilot.pause(0.5)
            (folder / f"{name}.svg").write_text(app.export_screenshot(title="qctl monitor"))


if __name__ == "__main__":
    asyncio.run(draw(Path(sys.argv[1])))
    captures.write_all()
