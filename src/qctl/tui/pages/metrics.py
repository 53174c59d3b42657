"""8 Metrics: how depth, rate and run times went, drawn."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static

from qctl.models import Series, Step
from qctl.tui.data.monitor_data import MonitorData
from qctl.tui.host import Host
from qctl.tui.page import Page

if TYPE_CHECKING:
    from qctl.view.plots import Value

SPANS = ((3600.0, 60.0, "1 h"), (86_400.0, 900.0, "24 h"))
"""Seconds that are shown, seconds of a step, and what that is called."""


LEAST = 4
"""Lines that a plot must have more of to be one."""


class MetricsPage(Page):
    """Three plots, one over the other. `n` and `b` show another span."""

    digit = "8"
    heading = "Metrics"
    DEFAULT_CSS = "MetricsPage > .plot { height: 1fr; padding: 0 1; } MetricsPage > #span { height: 1; padding: 0 2; }"

    def __init__(self, host: Host, **options: Any) -> None:
        super().__init__(host, **options)
        self._span = 0

    def compose(self) -> ComposeResult:
        """A line of words and the plots."""
        yield Static(id="span")
        for name in ("depth", "rate", "runs"):
            yield Static(id=name, classes="plot")

    def read(self, data: MonitorData) -> Series:
        """All queues together."""
        seconds, step, _ = SPANS[self._span]
        return data.metrics.series(seconds=seconds, step=step)

    def present(self, data: Series, _: datetime) -> None:
        """Draw it."""
        from qctl.view.plots import percentiles  # brings plotext, which the first screen does not need

        name = SPANS[self._span][2]
        self.query_one("#span", Static).update(Content(f"the last {name}, all queues   (n, b: another span)"))
        rates: dict[str, Value] = {
            "finished": lambda step: step.finished / data.step,
            "failed": lambda step: step.failed / data.step,
        }
        self._draw("#depth", "jobs waiting", data.steps, {"waiting": lambda step: step.depth})
        self._draw("#rate", "jobs a second", data.steps[:-1], rates)
        self._draw("#runs", "seconds that jobs ran", data.steps, percentiles("runs"))

    def _draw(self, place: str, title: str, steps: Sequence[Step], curves: dict[str, Value]) -> None:
        from qctl.view.plots import plot

        where = self.query_one(place, Static)
        width, height = where.content_size
        known = {value(step) for value in curves.values() for step in steps} - {None}
        if known == {0}:
            where.update(Content(f"{title}: 0 all the time"))  # no axis has room for that
            return
        drawn = plot(title, steps, curves, width, height) if height > LEAST else title
        where.update(Content(drawn or f"{title}: nothing was measured"))

    def do_next(self) -> None:
        """A longer span."""
        self._show((self._span + 1) % len(SPANS))

    def do_back(self) -> None:
        """A shorter one."""
        self._show((self._span - 1) % len(SPANS))

    def _show(self, span: int) -> None:
        self._span = span
        self.post_message(self.Asked())
