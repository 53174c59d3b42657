"""Page 8, Metrics: plots of depth, rate, failures and run time, of one queue or of all."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from textual.app import ComposeResult
from textual.containers import Container
from textual.content import Content
from textual.widgets import Static

from qctl.models import Selector, Series, Step
from qctl.safe import escape_line
from qctl.tui.data.monitor_data import MonitorData
from qctl.tui.host import Host
from qctl.tui.page import Page
from qctl.tui.widgets.plot_panel import PlotPanel
from qctl.tui.widgets.prompt import PromptRequest, complete_by_prefix

if TYPE_CHECKING:
    from qctl.view.plots import Value

SPANS = ((3600.0, 60.0, "1 h"), (86_400.0, 900.0, "24 h"))
"""Spans: seconds shown, seconds of one step, and name."""

PLOTS = ("depth", "rate", "failed", "runs")


class MetricsPage(Page):
    """Four plots: two beside each other where there is room, else one below the other, without the share of failures
    on a short screen. `n` and `b` show another span, `/` another queue."""

    digit = "8"
    heading = "Metrics"
    short = "Met"
    DEFAULT_CSS = """
    MetricsPage > #span { height: 1; padding: 0 2; }
    MetricsPage > #plots { height: 1fr; layout: grid; grid-size: 1; }
    """

    def __init__(self, host: Host, **options: Any) -> None:
        super().__init__(host, **options)
        self._span = 0

    def compose(self) -> ComposeResult:
        """Place a line about the span, and the plots."""
        yield Static(id="span")
        with Container(id="plots"):
            for name in PLOTS:
                yield PlotPanel(id=name)

    def read(self, data: MonitorData) -> Series:
        """Read the series of the chosen queue, or of all queues together."""
        seconds, step, _ = SPANS[self._span]
        queue = self.selector.queue
        return data.metrics.series((queue,) if queue else (), seconds=seconds, step=step)

    def present(self, data: Series, _: datetime) -> None:
        """Draw the plots."""
        from qctl.view.plots import of_complete, percentiles  # imports plotext, which the first page does not need

        name, queue = SPANS[self._span][2], self.selector.queue
        shown = f"queue {escape_line(queue)}" if queue else "all queues"
        self.query_one("#span", Static).update(
            Content(f"the last {name}, {shown}   (n, b: another span; /: another queue)")
        )
        rates: dict[str, Value] = {
            "finished": lambda step: step.finished / data.step,
            "failed": lambda step: step.failed / data.step,
        }
        plots: dict[str, tuple[str, dict[str, Value]]] = {
            "depth": ("waiting jobs", {"waiting": lambda step: step.depth}),
            "rate": ("jobs per second", {curve: of_complete(data.steps, value) for curve, value in rates.items()}),
            "failed": ("failed runs (%)", {"failed": of_complete(data.steps, failed_percent)}),
            "runs": ("run time (s)", percentiles("runs")),
        }
        for plot, (title, curves) in plots.items():
            self.query_one(f"#{plot}", PlotPanel).draw(title, data, curves)

    def on_resize(self) -> None:
        """Draw the plots again for another size."""
        self.post_message(self.ReloadRequested())

    def do_filter(self) -> None:
        """Ask for the queue to show."""
        names = self.host.depths.queues
        hint = "a queue, or a pattern; empty: all queues"
        queue = self.selector.queue or ""
        self.host.prompt(PromptRequest("/", hint, self._show_queue, queue, complete=complete_by_prefix(list(names))))

    def _show_queue(self, line: str) -> None:
        self.restrict(Selector(queue=line.strip() or None))
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


def failed_percent(step: Step) -> float | None:
    """The share of the runs of a step that failed (%), None without runs."""
    runs = step.finished + step.failed
    return 100 * step.failed / runs if runs else None
