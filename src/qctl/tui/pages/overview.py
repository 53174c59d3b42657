"""1 Overview: the totals, the queues that need a look, what health found, what happened last."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from textual.app import ComposeResult

from qctl import view
from qctl.models import Event, Finding, Health, QueueStats, Selector, State, Stats
from qctl.tui.data.monitor_data import MonitorData
from qctl.tui.host import Host
from qctl.tui.page import GridPage, heading
from qctl.tui.pages.events import EVENTS
from qctl.tui.pages.queues import LEADS as OF_QUEUES
from qctl.tui.pages.queues import queue_source
from qctl.tui.widgets.grid import Grid, Source
from qctl.view import Cell, Column

FINDINGS = Source(
    lambda _: view.finding_columns(), lambda finding: f"{finding.check}: {finding.reason}", "nothing to say", {}
)

OF_FINDINGS = {"quarantine": "4", "dead letters": "4", "workers": "6", "buffer": "7", "sink": "2", "paused": "2"}
"""The screen that a finding leads to."""

LAST = 50
"""Events that are shown."""


OF_TOTALS: Mapping[str, tuple[str, tuple[State, ...]]] = {
    "QUEUES": ("2", ()),
    "PAUSED": ("2", ()),
    "PENDING": ("3", ("queued", "scheduled", "deferred")),
    "RUNNING": ("3", ("started",)),
    "COMPLETED": ("3", ("finished",)),
    "FAILED": ("4", ()),
    "TOTAL": ("3", ()),
}
"""Where the totals lead: to which screen, and there to jobs of which states."""


@dataclass(frozen=True)
class Picture:
    """What the overview shows. `health` is None before it was looked at: the numbers are shown first."""

    stats: Stats
    health: Health | None
    events: Sequence[Event]


def _totals(_: datetime) -> list[Column[Picture]]:
    def number(title: str, of: Callable[[Picture], int], style: view.Style = "") -> Column[Picture]:
        return Column(title, lambda picture: Cell(view.count(of(picture)), style if of(picture) else "dim"), right=True)

    return [
        Column("HEALTH", lambda picture: _health(picture.health)),
        number("QUEUES", lambda picture: len(picture.stats.queues)),
        number("PAUSED", lambda picture: sum(queue.paused is not None for queue in picture.stats.queues), "warn"),
        number("PENDING", lambda picture: picture.stats.totals.pending),
        number("RUNNING", lambda picture: picture.stats.totals.running),
        number("COMPLETED", lambda picture: picture.stats.totals.completed),
        number("FAILED", lambda picture: picture.stats.totals.failed, "bad"),
        number("TOTAL", lambda picture: picture.stats.totals.total),
    ]


def _health(found: Health | None) -> Cell:
    return Cell(found.status, view.HEALTH_STYLES[found.status]) if found else Cell("...", "dim")


TOTALS = Source(_totals, lambda _: "totals", "", {}, leads=frozenset(OF_TOTALS))


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
    OverviewPage > #totals { height: 2; }
    OverviewPage > #worst { height: 2fr; min-height: 4; }
    OverviewPage > #findings { height: 1fr; min-height: 3; }
    OverviewPage > #last { height: 1fr; min-height: 4; }
    """

    main = "#worst"

    def __init__(self, host: Host, **options: Any) -> None:
        super().__init__(host, **options)
        self._is_new = True

    def compose(self) -> ComposeResult:
        """Totals, then three tables."""
        yield Grid(TOTALS, id="totals")
        yield Grid(queue_source(self.host.trends), id="worst")
        yield heading("Health")
        yield Grid(FINDINGS, id="findings")
        yield heading("Last events")
        yield Grid(EVENTS, id="last")

    def read(self, data: MonitorData) -> Picture:
        """Three readings; the first time one, so that there is something to look at."""
        if self._is_new:
            self._is_new = False
            return Picture(data.stats.read(), None, ())
        return Picture(data.stats.read(), data.health.check(), data.events.list(limit=LAST)[::-1])

    def present(self, data: Picture, now: datetime) -> None:
        """The worst first, and of health what is not well first."""
        self.host.trends.note(data.stats)
        self.query_one("#totals", Grid).fill([data], now)
        self.query_one("#worst", Grid).fill(sorted(data.stats.queues, key=badness, reverse=True), now)
        if data.health is None:
            self.post_message(self.Asked())
            return
        self.query_one("#findings", Grid).fill(sorted(data.health.findings, key=lambda f: f.status == "ok"), now)
        self.query_one("#last", Grid).fill(data.events, now)

    def open(self, row: Any) -> None:
        """To the queue, to where a finding can be dealt with, to the event."""
        if isinstance(row, Picture):
            self.host.go("2")
        elif isinstance(row, QueueStats):
            self.host.go("2", select=row.name)
        elif isinstance(row, Finding) and row.check in OF_FINDINGS:
            self.host.go(OF_FINDINGS[row.check])
        else:
            super().open(row)

    def follow(self, row: Any, title: str) -> None:
        """To what a number counts."""
        digit, states = (OF_TOTALS if isinstance(row, Picture) else OF_QUEUES)[title]
        queue = row.name if isinstance(row, QueueStats) else None
        self.host.go(digit, Selector(queue=queue, states=states))
