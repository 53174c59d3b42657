"""What was measured, drawn on the terminal."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping

from qctl.models import Series
from qctl.view.plots import Value, percentiles, plot

HEIGHT = 16
"""Lines of a plot."""

PLAIN = str.maketrans("┌┐└┘─│┤┬├┴┼", "++++-|+++++")
"""Lines of a frame for a terminal that knows no others."""


def _curves(what: str, seconds: float) -> tuple[str, Mapping[str, Value]]:
    """The title of a plot, and its curves by name."""
    if what == "depth":
        return "jobs waiting", {"depth": lambda step: step.depth}
    if what == "rate":
        return "jobs a second", {
            "in": lambda step: None if step.arrived is None else step.arrived / seconds,
            "finished": lambda step: step.finished / seconds,
            "failed": lambda step: step.failed / seconds,
        }
    return {"wait": "seconds that jobs waited", "run": "seconds that jobs ran"}[what], percentiles(f"{what}s")


def plotted(series: Series, what: str, *, colour: bool) -> str:
    """The curves over time, as wide as the terminal; steps of which a value is not known are left out."""
    title, curves = _curves(what, series.step)
    done = series.steps[:-1] if what == "rate" else series.steps  # a step that goes on would look like a fall
    width = max(40, shutil.get_terminal_size().columns - 1)
    unicode = "utf" in (sys.stdout.encoding or "").lower() and os.environ.get("TERM") != "linux"
    text = plot(title, done, curves, width, HEIGHT, colour=colour, fine=unicode)
    return (text if unicode else text.translate(PLAIN)) + "\n" if text else "Nothing was measured.\n"
