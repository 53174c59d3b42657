"""7 Ingest: the way of data into the queues, pipeline by pipeline."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timezone

from qctl import view
from qctl.models import PipelineStatus, Selector, State
from qctl.safe import escape_line
from qctl.tui.data.monitor_data import MonitorData
from qctl.tui.page import TablePage
from qctl.tui.widgets.dialogs import Sheet
from qctl.tui.widgets.grid import Source

LEADS: Mapping[str, tuple[str, tuple[State, ...]]] = {"BATCHES": ("3", ("queued",)), "REJECTS": ("4", ())}
"""Where the numbers of a pipeline lead: to which screen, and there to jobs of which states."""


class IngestPage(TablePage):
    """Every pipeline."""

    digit = "7"
    heading = "Ingest"
    source = Source(
        view.pipeline_columns,
        lambda pipeline: pipeline.name,
        "No pipelines.",
        {
            "RATE/S": lambda pipeline: pipeline.rate,
            "BUFFER": lambda pipeline: pipeline.depth,
            "OLDEST": lambda pipeline: pipeline.oldest_age,
            "LAG": lambda pipeline: pipeline.lag,
            "REJECTS": lambda pipeline: pipeline.dead,
        },
        frozenset({"RATE/S", "BUFFER", "OLDEST", "LAG", "REJECTS"}),
        frozenset(LEADS),
    )

    def read(self, data: MonitorData) -> Sequence[PipelineStatus]:
        """One reading."""
        return data.ingest.status()

    def open(self, row: PipelineStatus) -> None:
        """All that is known of it."""
        self.app.push_screen(Sheet(row.name, "\n".join(facts(row, datetime.now(timezone.utc)))))

    def follow(self, row: PipelineStatus, title: str) -> None:
        """To the batches that wait, or to what was refused."""
        digit, states = LEADS[title]
        self.host.go(digit, Selector(queue=row.queue, states=states))


def facts(pipeline: PipelineStatus, now: datetime) -> Iterator[str]:
    """What a table has no room for, line by line."""
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
        yield f"{'LET IT GO ON':<16} qctl resume {escape_line(pipeline.queue)}"
    yield ""
    yield "Topics: qctl ingest topics     What arrives: qctl ingest tail"
