"""A plot over time that fills its place in the colours of the theme."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from textual.content import Content
from textual.widgets import Static

from qctl.models import Series
from qctl.tui.widgets.plot_content import plot_content

if TYPE_CHECKING:
    from qctl.view.plots import Value

MIN_PLOT_LINES = 5
"""Lines that a plot needs; below that only its title is shown."""


class PlotPanel(Static):
    """A plot; its page draws it again when its size changes."""

    DEFAULT_CSS = "PlotPanel { width: 1fr; height: 1fr; padding: 0 1; }"

    def draw(self, title: str, series: Series, curves: Mapping[str, Value]) -> None:
        """Draw these curves over the steps of a series, or say that there is nothing to draw."""
        from qctl.view.plots import plot  # imports plotext, which the first page does not need

        steps = series.steps
        width, height = self.content_size
        values = {value(step) for value in curves.values() for step in steps} - {None}
        if values == {0}:
            self.update(Content(f"{title}: always 0"))  # no axis has room for it
            return
        drawn = ""
        if height >= MIN_PLOT_LINES:
            drawn = plot(title, steps, curves, width, height, marks=series.marks, colour=not self.app.no_color)
        self.update(plot_content(drawn) if drawn else Content(f"{title}: no data" if height > 1 else title))
