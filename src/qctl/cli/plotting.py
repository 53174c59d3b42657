"""Plots of metrics on the terminal."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping

from qctl.models import Series
from qctl.view.plots import Value, of_complete, percentiles, plot

HEIGHT_LINES = 16

ASCII_FRAME = str.maketrans("┌┐└┘─│┤┬├┴┼", "++++-|+++++")
"""Frame characters for a terminal without Unicode."""


def _curves(metric: str, step_seconds: float) -> tuple[str, Mapping[str, Value]]:
    """Return the title of a plot and its curves by name."""
    if metric == "depth":
        return "waiting jobs", {"depth": lambda step: step.depth}
    if metric == "rate":
        return "jobs per second", {
            "in": lambda step: None if step.arrived is None else step.arrived / step_seconds,
            "finished": lambda step: step.finished / step_seconds,
            "failed": lambda step: step.failed / step_seconds,
        }
    return {"wait": "wait time (s)", "run": "run time (s)"}[metric], percentiles(f"{metric}s")


def render_plot(series: Series, metric: str, *, colour: bool) -> str:
    """Render curves over the whole period, as wide as the terminal. Steps without a value are gaps."""
    title, curves = _curves(metric, series.step)
    steps = series.steps
    if metric == "rate":
        curves = {name: of_complete(steps, value) for name, value in curves.items()}
    width = max(40, shutil.get_terminal_size().columns - 1)
    unicode = "utf" in (sys.stdout.encoding or "").lower() and os.environ.get("TERM") != "linux"
    text = plot(title, steps, curves, width, HEIGHT_LINES, marks=series.marks, colour=colour, fine=unicode)
    return (text if unicode else text.translate(ASCII_FRAME)) + "\n" if text else "No metrics in this period.\n"
