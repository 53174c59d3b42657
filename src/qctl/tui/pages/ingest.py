"""Page 7, Ingest: the state of each ingest pipeline."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timezone

from qctl import view
from qctl.models import PipelineStatus, Selector, State
from qctl.safe import escape_line
from qctl.tui.data.monitor_data import MonitorData
from qctl.tui.page import TablePage
from qctl.tui.widgets.dialogs import TextWindow
from qctl.tui.widgets.grid import GridSpec

LINKS: Mapping[str, tuple[str, tuple[State, ...]]] = {"BATCHES": ("3", ("queued",)), "REJECTS": ("4", ())}
"""Targets of a pipeline's numbers: a page, and the states of the jobs shown there."""


class IngestPage(TablePage):
    """The pipelines that this site uses."""

    digit = "7"
    heading = "Ingest"
    short = "Ing"
    spec = GridSpec(
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

    def read(self, data: MonitorData) -> Sequence[PipelineStatus]:
        """Read the pipelines that are used."""
        return [pipeline for pipeline in data.ingest.status() if pipeline.is_used]

    def open_row(self, row: PipelineStatus) -> None:
        """Show a pipeline in full."""
        self.app.push_screen(TextWindow(row.name, "\n".join(describe(row, datetime.now(timezone.utc)))))

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
