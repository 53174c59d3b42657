"""1 Overview: the totals, the queues that need a look, what health found, what happened last."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static

from qctl import view
from qctl.models import Event, Finding, Health, QueueStats, Stats
from qctl.tui.grid import Grid, Source
from qctl.tui.page import GridPage, heading
from qctl.tui.pages.events import EVENTS
from qctl.tui.pages.queues import QUEUES

if TYPE_CHECKING:
    from qctl.ops import Ops

FINDINGS = Source(
    lambda _: view.finding_columns(), lambda finding: f"{finding.check}: {finding.reason}", "nothing to say", {}
)

LEADS = {"quarantine": "4", "dead letters": "4", "workers": "6", "buffer": "7", "sink": "2", "paused": "2"}
"""The screen that a finding leads to."""

LAST = 50
"""Events that are shown."""


@dataclass(frozen=True)
class Picture:
    """What the overview shows."""

    stats: Stats
    health: Health
    events: Sequence[Event]


def badness(queue: QueueStats) -> tuple[Any, ...]:
    """What puts a queue above another: unreadable, held, without workers, with dead letters, long waits."""
    return (
        queue.error is not None,
        bool(queue.waiting and not queue.workers),
        queue.paused is not None,
        queue.error_rate or 0.0,
        queue.oldest_age or 0.0,
        queue.dead,
        queue.waiting,
    )


class OverviewPage(GridPage):
    """The first screen. Enter on anything leads to where it can be dealt with."""

    digit = "1"
    heading = "Overview"
    DEFAULT_CSS = """
    OverviewPage > #totals { height: 1; padding: 0 2; text-style: bold; }
    OverviewPage > #worst { height: 2fr; min-height: 4; }
    OverviewPage > #findings { height: 1fr; min-height: 3; }
    OverviewPage > #last { height: 1fr; min-height: 4; }
    """

    def compose(self) -> ComposeResult:
        """Totals, then three tables."""
        yield Static(id="totals")
        yield Grid(QUEUES, id="worst")
        yield heading("Health")
        yield Grid(FINDINGS, id="findings")
        yield heading("Last events")
        yield Grid(EVENTS, id="last")

    def read(self, ops: Ops) -> Picture:
        """Three readings."""
        return Picture(ops.stats.read(), ops.health.check(), ops.events.list(limit=LAST)[::-1])

    def present(self, data: Picture, now: datetime) -> None:
        """The worst first, and of health what is not well first."""
        word = f"{data.health.status}   {view.totals(data.stats)}"
        self.query_one("#totals", Static).update(Content(word))
        self.query_one("#worst", Grid).fill(sorted(data.stats.queues, key=badness, reverse=True), now)
        self.query_one("#findings", Grid).fill(sorted(data.health.findings, key=lambda f: f.status == "ok"), now)
        self.query_one("#last", Grid).fill(data.events, now)

    def open(self, row: Any) -> None:
        """To the queue, to where a finding can be dealt with, to the event."""
        if isinstance(row, QueueStats):
            self.monitor.go("2", select=row.name)
        elif isinstance(row, Finding) and row.check in LEADS:
            self.monitor.go(LEADS[row.check])
        else:
            super().open(row)
