"""Page 8, Metrics: plots of depth, rate and run time."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static

from qctl.models import Series
from qctl.tui.data.monitor_data import MonitorData
from qctl.tui.host import Host
from qctl.tui.page import Page

if TYPE_CHECKING:
    from qctl.view.plots import Value

SPANS = ((3600.0, 60.0, "1 h"), (86_400.0, 900.0, "24 h"))
"""Spans: seconds shown, seconds of one step, and name."""

MIN_PLOT_LINES = 5
"""Lines that a plot needs; below that only its title is shown."""


class MetricsPage(Page):
    """Three plots, one below the other. `n` and `b` show another span."""

    digit = "8"
    heading = "Metrics"
    short = "Met"
    DEFAULT_CSS = "MetricsPage > .plot { height: 1fr; padding: 0 1; } MetricsPage > #span { height: 1; padding: 0 2; }"

    def __init__(self, host: Host, **options: Any) -> None:
        super().__init__(host, **options)
        self._span = 0

    def compose(self) -> ComposeResult:
        """Place a line about the span, and the plots."""
        yield Static(id="span")
        for name in ("depth", "rate", "runs"):
            yield Static(id=name, classes="plot")

    def read(self, data: MonitorData) -> Series:
        """Read the series of all queues together."""
        seconds, step, _ = SPANS[self._span]
        return data.metrics.series(seconds=seconds, step=step)

    def present(self, data: Series, _: datetime) -> None:
        """Draw the plots."""
        from qctl.view.plots import of_complete, percentiles  # imports plotext, which the first page does not need

        name = SPANS[self._span][2]
        self.query_one("#span", Static).update(Content(f"the last {name}, all queues   (n, b: another span)"))
        rates: dict[str, Value] = {
            "finished": lambda step: step.finished / data.step,
            "failed": lambda step: step.failed / data.step,
        }
        self._draw("#depth", "waiting jobs", data, {"waiting": lambda step: step.depth})
        complete = {curve: of_complete(data.steps, value) for curve, value in rates.items()}
        self._draw("#rate", "jobs per second", data, complete)
        self._draw("#runs", "run time (s)", data, percentiles("runs"))

    def _draw(self, selector: str, title: str, series: Series, curves: dict[str, Value]) -> None:
        from qctl.view.plots import plot

        widget = self.query_one(selector, Static)
        steps = series.steps
        width, height = widget.content_size
        values = {value(step) for value in curves.values() for step in steps} - {None}
        if values == {0}:
            widget.update(Content(f"{title}: always 0"))  # no axis has room for it
            return
        drawn = plot(title, steps, curves, width, height, marks=series.marks) if height >= MIN_PLOT_LINES else title
        widget.update(Content(drawn or f"{title}: no data"))

    def on_resize(self) -> None:
        """Draw the plots again for another size."""
        self.post_message(self.ReloadRequested())

    def do_next(self) -> None:
        """Show the next span."""
        self._show_span((self._span + 1) % len(SPANS))

    def do_back(self) -> None:
        """Show the previous span."""
        self._show_span((self._span - 1) % len(SPANS))

    def _show_span(self, span: int) -> None:
        self._span = span
        self.post_message(self.ReloadRequested())
