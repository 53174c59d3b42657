"""Draws the monitor's screens of a running demo: `python -m demo.pictures FOLDER`, which is `make pictures`.

They show the data of the site as it is, unlike the pictures of `make screens`, which show made-up data for tests: one
screen as it stands, and a tour of several as an animation, from a recording.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from pathlib import Path

from demo import film
from qctl.ops import Ops
from qctl.settings import Settings
from qctl.tui.app import Monitor
from qctl.tui.data.cached_data import CachedData
from qctl.tui.replay import recorder
from qctl.tui.replay.recording import Recording

SIZE = (120, 34)
"""Columns and rows of a picture."""

SETTLE_SECONDS = 5.0
"""Time for a screen to read and draw."""

SCREENS = {"site": "1"}
"""Pictures, with the key of their screen."""

ROUNDS = 4
"""Times that the tour visits each screen while it is recorded."""

VISIT_SECONDS = 2.0

TARGET = "redis of make demo"

REASON = "this picture is read-only"


async def draw(folder: Path) -> None:
    """Write one SVG for each screen, and the animation. Raises QctlError if the demo does not run."""
    folder.mkdir(parents=True, exist_ok=True)
    ops = Ops(Settings.load(environ={"QCTL_HOME": os.environ.get("QCTL_HOME", "var/demo")}))
    app = Monitor(CachedData(ops), ops, target=TARGET, read_only=REASON)
    async with app.run_test(size=SIZE) as pilot:
        for name, key in SCREENS.items():
            await pilot.press(key)
            await pilot.pause(SETTLE_SECONDS)
            (folder / f"{name}.svg").write_text(app.export_screenshot(title="qctl monitor"))
    with tempfile.TemporaryDirectory() as scratch:
        recorded = Path(scratch) / "tour.jsonl"
        await record_tour(ops, recorded)
        with Recording(recorded) as recording:
            (folder / "tour.svg").write_text(film.animate(await film.shoot(recording)), encoding="utf-8")
    ops.close()


async def record_tour(ops: Ops, path: Path) -> None:
    """Record the screens of the film, each several times."""
    file = recorder.RecordingFile(path, TARGET)
    app = Monitor(recorder.record(CachedData(ops), file), ops, target=TARGET, read_only=REASON)
    async with app.run_test(size=film.SIZE) as pilot:
        for key in film.SCREENS * ROUNDS:
            await pilot.press(key)
            await pilot.pause(VISIT_SECONDS)
    file.close()


if __name__ == "__main__":
    asyncio.run(draw(Path(sys.argv[1])))
