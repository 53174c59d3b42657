"""Page 7, Ingest: does data come in? The state of each ingest pipeline, and of the sources that feed them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from textual.app import ComposeResult

from qctl import view
from qctl.errors import NotFoundError
from qctl.models import PipelineStatus, Selector, SourceStatus, State
from qctl.safe import escape_line
from qctl.tui.data.monitor_data import MonitorData
from qctl.tui.page import GridPage
from qctl.tui.widgets.dialogs import TextWindow
from qctl.tui.widgets.grid import Grid, GridSpec

LINKS: Mapping[str, tuple[str, tuple[State, ...]]] = {"BATCHES": ("3", ("queued",)), "REJECTS": ("4", ())}
"""Targets of a pipeline's numbers: a page, and the states of the jobs shown there."""


PIPELINES = GridSpec(
    view.pipeline_columns,
    lambda pipeline: pipeline.name,
    view.NO_PIPELINE,
    {
        "RATE/S": lambda pipeline: pipeline.rate,
        "BUFFER": lambda pipeline: pipeline.depth,
        "OLDEST": lambda pipeline: pipeline.oldest_age,
        "LAG": lambda pipeline: pipeline.lag,
        "REJECTS": lambda pipeline: pipeline.dead,
    },
    frozenset({"RATE/S", "BUFFER", "OLDEST", "LAG", "REJECTS"}),
    frozenset(LINKS),
)

SOURCES = GridSpec(
    view.source_columns,
    lambda source: source.name,
    "No sources: qctl-mqtt-bridge, qctl-socket-batcher and qctl-scheduler report here while they run.",
    {
        "SOURCE": lambda source: source.name,
        "STATE": lambda source: source.state,
        "FOR": lambda source: source.since,
        "SEEN": lambda source: source.age,
    },
)


@dataclass(frozen=True)
class IngestData:
    """Data of the page."""

    pipelines: Sequence[PipelineStatus]
    sources: Sequence[SourceStatus]


class IngestPage(GridPage):
    """The pipelines that this site uses, and the sources that feed them."""

    digit = "7"
    heading = "Ingest"
    short = "Ing"
    main = "#pipelines"
    DEFAULT_CSS = """
    IngestPage #pipelines { height: 1fr; }
    IngestPage #sources { height: 1fr; }
    IngestPage #sources.none { height: 3; }
    """

    def compose(self) -> ComposeResult:
        """Place two tables."""
        yield Grid(PIPELINES, id="pipelines", title="Ingest")
        yield Grid(SOURCES, id="sources", title="Sources and schedulers")

    def read(self, data: MonitorData) -> IngestData:
        """Read the pipelines that are used, and the last heartbeats of sources."""
        used = [pipeline for pipeline in data.ingest.status() if pipeline.is_used]
        try:
            return IngestData(used, data.ingest.sources())
        except NotFoundError:  # a recording of a version that did not show them
            return IngestData(used, ())

    def present(self, data: IngestData, now: datetime) -> None:
        """Fill both tables."""
        self.query_one("#pipelines", Grid).fill(data.pipelines, now)
        sources = self.query_one("#sources", Grid)
        sources.set_class(not data.sources, "none")
        sources.fill(data.sources, now)

    def open_row(self, row: Any) -> None:
        """Show a pipeline or a source in full."""
        if isinstance(row, PipelineStatus):
            self.app.push_screen(TextWindow(row.name, "\n".join(describe(row, datetime.now(timezone.utc)))))
        else:
            super().open_row(row)

    def open_link(self, row: PipelineStatus, title: str) -> None:
        """Go to the waiting batches, or to the rejected messages."""
        digit, states = LINKS[title]
        self.host.go_to(digit, Selector(queue=row.queue, states=states))


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
    yield "Topics: qctl ingest topics     Live messages: qctl ingest tail"
