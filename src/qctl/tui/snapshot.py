"""One frame of the monitor without a terminal: as text, or as a picture."""

from __future__ import annotations

import asyncio
import time

from qctl.errors import UnreachableError, UsageError
from qctl.tui.app import Monitor

READ_SECONDS = 10.0
"""Time (s) allowed for the reads of the screen."""

POLL_SECONDS = 0.02

SETTLE_SECONDS = 0.3
"""Time (s) after the last read until the frame is taken: the details of a row are read a moment after the row."""


def take(app: Monitor, digit: str, size: tuple[int, int]) -> tuple[str, str]:
    """Run a monitor until a screen is filled. Returns the frame as text and as SVG.

    Raises UnreachableError if the reads take too long, and the error of a read that failed.
    """
    return asyncio.run(_take(app, digit, size))


async def _take(app: Monitor, digit: str, size: tuple[int, int]) -> tuple[str, str]:
    deadline = time.monotonic() + READ_SECONDS
    async with app.run_test(size=size, notifications=False) as pilot:
        app.go_to(digit)
        while not app.has_filled_page:
            if app.read_error:
                raise app.read_error
            if time.monotonic() > deadline:
                raise UnreachableError(f"the screen was not read within {READ_SECONDS:.0f} s")
            await pilot.pause(POLL_SECONDS)
        await pilot.pause(SETTLE_SECONDS)
        lines = [strip.text.rstrip() for strip in app.screen._compositor.render_strips()]
        return "\n".join(lines) + "\n", app.export_screenshot(title="qctl monitor")


def parse_size(text: str) -> tuple[int, int]:
    """Parse `120x40`. Raises UsageError."""
    width, _, height = text.partition("x")
    if not (width.isdecimal() and height.isdecimal() and 20 <= int(width[:5]) <= 500 and 6 <= int(height[:5]) <= 300):
        raise UsageError(f"size {text!r} is not COLUMNSxLINES, from 20x6 to 500x300")
    return int(width), int(height)
