"""Page 1, Overview: totals, the queues with problems first, health findings, last events."""

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
from qctl.tui.page import GridPage
from qctl.tui.pages.events import EVENTS
from qctl.tui.pages.queues import LINKS as QUEUE_LINKS
from qctl.tui.pages.queues import queue_spec
from qctl.tui.widgets.grid import Grid, GridSpec
from qctl.view import Cell, Column

FINDINGS = GridSpec(view.finding_columns, lambda finding: f"{finding.check}: {finding.reason}", "No findings.", {})

FINDING_PAGES = {"quarantine": "4", "dead letters": "4", "workers": "6", "buffer": "7", "sink": "2", "paused": "2"}
"""The page of each check."""

MAX_EVENTS = 50
"""Last events that are shown."""

TOTAL_LINKS: Mapping[str, tuple[str, tuple[State, ...]]] = {
    "QUEUES": ("2", ()),
    "PAUSED": ("2", ()),
    "PENDING": ("3", ("queued", "scheduled", "deferred")),
    "RUNNING": ("3", ("started",)),
    "COMPLETED": ("3", ("finished",)),
    "FAILED": ("4", ()),
    "TOTAL": ("3", ()),
}
"""Targets of the totals: a page, and the states of the jobs shown there."""


@dataclass(frozen=True)
class OverviewData:
    """Data of the page. `health` is None at first, because the numbers are shown before the checks ran."""

    stats: Stats
    health: Health | None
    events: Sequence[Event]


def _totals(_: datetime) -> list[Column[OverviewData]]:
    def number(title: str, of: Callable[[OverviewData], int], style: view.Style = "") -> Column[OverviewData]:
        return Column(title, lambda data: Cell(view.count(of(data)), style if of(data) else "dim"), right=True)

    return [
        Column("HEALTH", lambda data: _health(data.health)),
        number("QUEUES", lambda data: len(data.stats.in_use.queues)),
        number("PAUSED", lambda data: sum(queue.paused is not None for queue in data.stats.queues), "warn"),
        number("PENDING", lambda data: data.stats.totals.pending),
        number("RUNNING", lambda data: data.stats.totals.running),
        number("COMPLETED", lambda data: data.stats.totals.completed),
        number("FAILED", lambda data: data.stats.totals.failed, "bad"),
        number("TOTAL", lambda data: data.stats.totals.total),
    ]


def _health(health: Health | None) -> Cell:
    return Cell(health.status, view.HEALTH_STYLES[health.status]) if health else Cell("...", "dim")


TOTALS = GridSpec(_totals, lambda _: "totals", "", {}, links=frozenset(TOTAL_LINKS))


def severity(queue: QueueStats) -> tuple[Any, ...]:
    """Sort key: unreadable, without workers, paused, failing, slow, with dead letters, long."""
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
    """The first page. Enter leads from each row to the page that has more about it."""

    digit = "1"
    heading = "Overview"
    short = "Ovw"
    DEFAULT_CSS = """
    OverviewPage > #totals { height: 4; }
    OverviewPage > #worst { height: 2fr; min-height: 4; }
    OverviewPage > #findings { height: 1fr; min-height: 3; }
    OverviewPage > #last { height: 1fr; min-height: 4; }
    """

    main = "#worst"

    def __init__(self, host: Host, **options: Any) -> None:
        super().__init__(host, **options)
        self._is_new = True

    def compose(self) -> ComposeResult:
        """Place the totals and three tables."""
        yield Grid(TOTALS, id="totals", title="Totals")
        yield Grid(queue_spec(self.host.depths), id="worst", title="Queues by trouble")
        yield Grid(FINDINGS, id="findings", title="Health")
        yield Grid(EVENTS, id="last", title="Last events")

    def read(self, data: MonitorData) -> OverviewData:
        """Read queues, health and events; the first time only queues, so that something is shown at once."""
        if self._is_new:
            self._is_new = False
            return OverviewData(data.stats.read(), None, ())
        return OverviewData(data.stats.read(), data.health.check(), data.events.list(limit=MAX_EVENTS)[::-1])

    def present(self, data: OverviewData, now: datetime) -> None:
        """Fill all tables: the worst queues first, and findings that are not ok first."""
        self.host.depths.record(data.stats)
        self.query_one("#totals", Grid).fill([data], now)
        self.query_one("#worst", Grid).fill(sorted(data.stats.in_use.queues, key=severity, reverse=True), now)
        if data.health is None:
            self.post_message(self.ReloadRequested())
            return
        self.query_one("#findings", Grid).fill(view.problem_rows(data.health), now)
        self.query_one("#last", Grid).fill(data.events, now)

    def open_row(self, row: Any) -> None:
        """Go to the queue or to the page of the finding; show the event."""
        if isinstance(row, OverviewData):
            self.host.go_to("2")
        elif isinstance(row, QueueStats):
            self.host.go_to("2", select=row.name)
        elif isinstance(row, Finding) and row.check in FINDING_PAGES:
            self.host.go_to(FINDING_PAGES[row.check])
        else:
            super().open_row(row)

    def open_link(self, row: Any, title: str) -> None:
        """Go to the rows that a number counts."""
        digit, states = (TOTAL_LINKS if isinstance(row, OverviewData) else QUEUE_LINKS)[title]
        queue = row.name if isinstance(row, QueueStats) else None
        self.host.go_to(digit, Selector(queue=queue, states=states))
