"""What was measured, drawn on the terminal by plotext."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Mapping

import plotext

from qctl import view
from qctl.models import Series, Step

HEIGHT = 16
"""Lines of a plot."""

LABELS = 6
"""Times that are written under it."""

COLOURS = ("cyan", "orange", "red")

MARKS = ("*", "+", "o")
"""What tells curves apart where no colour does."""

Value = Callable[[Step], "float | None"]

PLAIN = str.maketrans("┌┐└┘─│┤┬├┴┼", "++++-|+++++")
"""Lines of a frame for a terminal that knows no others."""


def _percentile(of: str, percent: int) -> Value:
    def value(step: Step) -> float | None:
        found: float | None = getattr(step, of).percentile(percent)
        return found

    return value


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
    title = {"wait": "seconds that jobs waited", "run": "seconds that jobs ran"}[what]
    return title, {f"p{percent}": _percentile(f"{what}s", percent) for percent in view.PERCENTILES}


def plotted(series: Series, what: str, *, colour: bool) -> str:
    """The curves over time, as wide as the terminal; steps of which a value is not known are left out."""
    title, curves = _curves(what, series.step)
    done = series.steps[:-1] if what == "rate" else series.steps  # a step that goes on would look like a fall
    plotext.clear_figure()
    plotext.theme("clear")
    plotext.plotsize(max(40, shutil.get_terminal_size().columns - 1), HEIGHT)
    plotext.title(title)
    unicode = "utf" in (sys.stdout.encoding or "").lower() and os.environ.get("TERM") != "linux"
    highest = 0.0
    for (name, value), ink, mark in zip(curves.items(), COLOURS, MARKS, strict=False):
        known = [(number, y) for number, step in enumerate(done) if (y := value(step)) is not None]
        if known:
            xs, ys = zip(*known, strict=True)
            fine = unicode and (colour or len(curves) == 1)
            plotext.plot(xs, ys, label=name, color=ink, marker="braille" if fine else mark)
            highest = max(highest, *ys, 1e-9)
    if not highest:
        return "Nothing was measured.\n"
    plotext.ylim(0, highest * 1.05)
    ticks = list(range(0, len(done), max(1, len(done) // LABELS)))
    plotext.xticks(ticks, [f"{done[tick].at.astimezone():%H:%M}" for tick in ticks])
    text: str = plotext.build() if colour else plotext.uncolorize(plotext.build())
    return (text if unicode else text.translate(PLAIN)).rstrip("\n") + "\n"
