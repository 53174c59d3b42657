"""Plots of metrics, drawn in characters by plotext, for the terminal and the monitor."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import plotext

from qctl.models import Mark, Step
from qctl.safe import escape_line
from qctl.view.values import PERCENTILES

MAX_TIME_LABELS = 6

CELLS_PER_TIME_LABEL = 9
"""Width for each time below the axis; closer ones would push each other aside, or out."""

MAX_SHOWN_MARKS = 5
"""Marks that have room in a plot."""

MAX_MARK_CHARACTERS = 16

COLOURS = ("cyan", "orange", "red")

MARKERS = ("*", "+", "o")
"""Markers that distinguish curves without colour."""

Value = Callable[[Step], "float | None"]


def percentiles(histogram: str) -> dict[str, Value]:
    """Return the curves of the percentiles of one histogram of each step: `waits` or `runs`."""
    return {f"p{percent}": _percentile(histogram, percent) for percent in PERCENTILES}


def _percentile(histogram: str, percent: int) -> Value:
    def value(step: Step) -> float | None:
        seconds: float | None = getattr(step, histogram).percentile(percent)
        return seconds

    return value


def of_complete(steps: Sequence[Step], value: Value) -> Value:
    """Return a curve without the last step, which is still running and would look like a drop."""
    last = steps[-1] if steps else None
    return lambda step: None if step is last else value(step)


def _runs(values: Sequence[float | None]) -> Iterator[list[tuple[int, float]]]:
    """Yield the points between two gaps: the number of each step and its value."""
    run: list[tuple[int, float]] = []
    for index, value in enumerate(values):
        if value is not None:
            run.append((index, value))
        elif run:
            yield run
            run = []
    if run:
        yield run


def plot(
    title: str,
    steps: Sequence[Step],
    curves: Mapping[str, Value],
    width: int,
    height: int,
    *,
    marks: Sequence[Mark] = (),
    colour: bool = False,
    fine: bool = True,
) -> str:
    """Draw curves over time, `width` characters by `height` lines.

    The time axis covers all steps, also those at its ends that have no value. A step without a value is a gap: the
    points beside it are not connected. Returns an empty text if there are no values. `fine` draws with Braille dots if
    colours distinguish the curves or there is only one; otherwise curves are drawn with MARKERS. `marks` are vertical
    lines with their texts.
    """
    plotext.clear_figure()
    plotext.theme("clear")
    plotext.limit_size(False, False)  # the terminal may be smaller than what is drawn: a browser, a file
    plotext.plotsize(width, height)
    plotext.title(title)
    dots = fine and (colour or len(curves) == 1)
    highest = 0.0
    for (name, value), ink, marker in zip(curves.items(), COLOURS, MARKERS, strict=False):
        label: str | None = name
        for points in _runs([value(step) for step in steps]):
            xs, ys = zip(*points, strict=True)
            plotext.plot(xs, ys, label=label, color=ink, marker="braille" if dots else marker)
            label = None
            highest = max(highest, *ys, 1e-9)
    if not highest:
        return ""
    _draw_marks(marks, steps, highest)
    plotext.ylim(0, highest * 1.05)
    plotext.xlim(0, max(1, len(steps) - 1))
    labels = max(1, min(MAX_TIME_LABELS, width // CELLS_PER_TIME_LABEL))
    ticks = list(range(0, len(steps), max(1, len(steps) // labels)))
    plotext.xticks(ticks, [f"{steps[tick].at.astimezone():%H:%M}" for tick in ticks])
    text: str = plotext.build() if colour else plotext.uncolorize(plotext.build())
    return text.rstrip("\n")


def _draw_marks(marks: Sequence[Mark], steps: Sequence[Step], highest: float) -> None:
    """Draw a line with its text at each mark, the last ones only if there are many."""
    if len(steps) < 2:
        return
    length = (steps[1].at - steps[0].at).total_seconds()
    for mark in marks[-MAX_SHOWN_MARKS:]:
        x = (mark.at - steps[0].at).total_seconds() / length
        right = x > len(steps) / 2
        plotext.vline(x, "gray")
        plotext.text(escape_line(mark.text, MAX_MARK_CHARACTERS), x, highest, alignment="right" if right else "left")
