"""What was measured, drawn in characters by plotext: for a terminal and for a screen of the monitor alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import plotext

from qctl.models import Step
from qctl.view.values import PERCENTILES

LABELS = 6
"""Times that are written under a plot."""

COLOURS = ("cyan", "orange", "red")

MARKS = ("*", "+", "o")
"""What tells curves apart where no colour does."""

Value = Callable[[Step], "float | None"]


def percentiles(of: str) -> dict[str, Value]:
    """Curves of the percentiles of a histogram that steps have: `waits` or `runs`."""
    return {f"p{percent}": _percentile(of, percent) for percent in PERCENTILES}


def _percentile(of: str, percent: int) -> Value:
    def value(step: Step) -> float | None:
        found: float | None = getattr(step, of).percentile(percent)
        return found

    return value


def plot(
    title: str,
    steps: Sequence[Step],
    curves: Mapping[str, Value],
    width: int,
    height: int,
    *,
    colour: bool = False,
    fine: bool = True,
) -> str:
    """Curves over time in so many characters and lines; steps of which a value is not known are left out.

    Empty where nothing was measured. `fine` draws by the dots of Braille where curves are told apart by more than their
    marks; without it nothing but the marks is used for them.
    """
    plotext.clear_figure()
    plotext.theme("clear")
    plotext.plotsize(width, height)
    plotext.title(title)
    dots = fine and (colour or len(curves) == 1)
    highest = 0.0
    for (name, value), ink, mark in zip(curves.items(), COLOURS, MARKS, strict=False):
        known = [(number, y) for number, step in enumerate(steps) if (y := value(step)) is not None]
        if known:
            xs, ys = zip(*known, strict=True)
            plotext.plot(xs, ys, label=name, color=ink, marker="braille" if dots else mark)
            highest = max(highest, *ys, 1e-9)
    if not highest:
        return ""
    plotext.ylim(0, highest * 1.05)
    ticks = list(range(0, len(steps), max(1, len(steps) // LABELS)))
    plotext.xticks(ticks, [f"{steps[tick].at.astimezone():%H:%M}" for tick in ticks])
    text: str = plotext.build() if colour else plotext.uncolorize(plotext.build())
    return text.rstrip("\n")
