"""Page 7, Ingest: does data come in? Pipelines, topics, the lag of the last hour, rejects by cause, and sources."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any, TypeVar

from textual.app import ComposeResult
from textual.containers import Container

from qctl import view
from qctl.errors import NotFoundError
from qctl.models import Cause, Causes, PipelineStatus, Selector, Series, SourceStatus, Step, Topics
from qctl.safe import escape_line
from qctl.tui.data.minute_values import MinuteValues
from qctl.tui.data.monitor_data import MonitorData
from qctl.tui.data.topic_trends import TopicTrends
from qctl.tui.host import Host
from qctl.tui.page import GridPage
from qctl.tui.pages.ingest_tables import LINKS, PIPELINES, REJECTS, SOURCES, topic_spec
from qctl.tui.widgets.dialogs import TextWindow
from qctl.tui.widgets.grid import Grid
from qctl.tui.widgets.plot_panel import PlotPanel

MAX_TOPICS = 50
"""Topics that are shown: the busiest ones."""

MINUTES = 60
"""Minutes of the plot."""

T = TypeVar("T")


@dataclass(frozen=True)
class IngestData:
    """Data of the page. `rejects` are the dead letters of the pipelines, `hour` the measured steps of their queues."""

    pipelines: Sequence[PipelineStatus]
    sources: Sequence[SourceStatus]
    topics: Topics
    rejects: Causes
    hour: Series | None


class IngestPage(GridPage):
    """The pipelines that this site uses, what comes into them, what they reject, and the sources that feed them."""

    digit = "7"
    heading = "Ingest"
    short = "Ing"
    main = "#pipelines"
    DEFAULT_CSS = """
    IngestPage #pipelines { height: 4; }
    IngestPage Container { layout: vertical; height: 2fr; }
    IngestPage #traffic { height: 3fr; }
    IngestPage Container Grid { width: 1fr; height: 1fr; }
    IngestPage Container .none { height: 3; }
    IngestPage #lag { display: none; }
    """

    def __init__(self, host: Host, **options: Any) -> None:
        super().__init__(host, **options)
        self._trends = TopicTrends()
        self._lags = MinuteValues(MINUTES)

    def compose(self) -> ComposeResult:
        """Place four tables and a plot."""
        yield Grid(PIPELINES, id="pipelines", title="Ingest")
        with Container(id="traffic"):
            yield Grid(topic_spec(self._trends), id="topics", title="Topics")
            yield PlotPanel(id="lag")
        with Container():
            yield Grid(REJECTS, id="rejects", title="Rejects by cause")
            yield Grid(SOURCES, id="sources", title="Sources and schedulers")

    def read(self, data: MonitorData) -> IngestData:
        """Read the pipelines that are used, their topics, rejects and last hour, and the heartbeats of sources."""
        used = [pipeline for pipeline in data.ingest.status() if pipeline.is_used]
        queues = ",".join(pipeline.queue for pipeline in used)
        none = Causes([], 0, 0)
        return IngestData(
            used,
            _known(data.ingest.sources, ()),
            _known(lambda: data.ingest.topics(sort="rate", limit=MAX_TOPICS), Topics([], 0, 0)),
            _known(lambda: data.dead_letters.groups(queues), none) if used else none,
            _known(lambda: data.metrics.series((queues,), seconds=60.0 * MINUTES, step=60.0), None) if used else None,
        )

    def present(self, data: IngestData, now: datetime) -> None:
        """Fill the tables, and draw the plot."""
        pipelines = self.query_one("#pipelines", Grid)
        height = max(1, len(data.pipelines)) + 1 + pipelines.gutter.height
        if pipelines.styles.height is None or pipelines.styles.height.value != height:
            pipelines.styles.height = height
        pipelines.fill(data.pipelines, now)
        self._trends.record(data.topics.topics, now)
        topics, rejects = self.query_one("#topics", Grid), self.query_one("#rejects", Grid)
        shown, all_topics = len(data.topics.topics), data.topics.matching
        topics.set_title(f"Topics {all_topics}", f"the {shown} busiest" if shown < all_topics else "")
        rejects.set_title(f"Rejects by cause {len(data.rejects.causes)}", view.quantity(data.rejects.total, "reject"))
        for grid, rows in (
            (topics, data.topics.topics),
            (rejects, data.rejects.causes),
            (self.query_one("#sources", Grid), data.sources),
        ):
            grid.set_class(not rows, "none")
            grid.fill(rows, now)
        self._draw_lag(data, now)

    def _draw_lag(self, data: IngestData, now: datetime) -> None:
        """Draw the lag as far as this page saw it, and how long batches waited, which the workers record."""
        if data.pipelines:
            self._lags.record(now, max(pipeline.lag for pipeline in data.pipelines))
        panel = self.query_one(PlotPanel)
        if not panel.display:
            return
        from qctl.view.plots import percentiles  # imports plotext, which the first page does not need

        curves = {"lag seen here": self._lag_of, "p99 wait of batches": percentiles("waits")["p99"]}
        panel.draw("lag (s)", data.hour or _unmeasured(now), curves)

    def _lag_of(self, step: Step) -> float | None:
        return self._lags.value_of(step.at)

    def on_resize(self) -> None:
        """Draw the plot again for another size."""
        self.post_message(self.ReloadRequested())

    def open_row(self, row: Any) -> None:
        """Show a pipeline, a topic or a source in full; go to the dead letters of a cause."""
        if isinstance(row, PipelineStatus):
            self.app.push_screen(TextWindow(row.name, "\n".join(describe(row, datetime.now(timezone.utc)))))
        elif isinstance(row, Cause):
            self.host.go_to("4", Selector(queue=",".join(row.queues)), select=row.fingerprint)
        else:
            super().open_row(row)

    def open_link(self, row: PipelineStatus, title: str) -> None:
        """Go to the waiting batches, or to the rejected messages."""
        digit, states = LINKS[title]
        self.host.go_to(digit, Selector(queue=row.queue, states=states))


def _known(read: Callable[[], T], otherwise: T) -> T:
    """Return the answer of `read`, or `otherwise`: a pipeline may have no queue yet, old recordings lack answers."""
    try:
        return read()
    except NotFoundError:
        return otherwise


def _unmeasured(now: datetime) -> Series:
    """The minutes of the last hour without anything measured."""
    last = now.replace(second=0, microsecond=0)
    return Series((), 60.0, [Step(last - timedelta(minutes=MINUTES - 1 - n)) for n in range(MINUTES)])


def describe(pipeline: PipelineStatus, now: datetime) -> Iterator[str]:
    """Yield all fields of a pipeline, one on each line."""
    for column in view.pipeline_columns(now):
        text = column.cell(pipeline).text
        if text:
            yield f"{column.title:<16} {text}"
    yield f"{'QUEUE':<16} {escape_line(pipeline.queue)}"
    yield f"{'RECEIVED':<16} {view.count(pipeline.received)}"
    yield f"{'REJECTED':<16} {view.count(pipeline.rejected)}"
    yield f"{'IN BATCHES':<16} {view.count(pipeline.cut)}"
    if pipeline.session_lost_at:
        ago = view.age(pipeline.session_lost_at, now)
        yield f"{'SESSIONS LOST':<16} {view.count(pipeline.sessions_lost)}, the last {ago} ago"
    if pipeline.paused:
        yield f"{'RESUME WITH':<16} qctl resume {escape_line(pipeline.queue)}"
    yield ""
    yield "All topics: qctl ingest topics     Live messages: qctl ingest tail"
