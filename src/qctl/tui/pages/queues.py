"""Page 2, Queues: the numbers of each queue, and actions on queues."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from textual.app import ComposeResult

from qctl import view
from qctl.models import QueueStats, Selector, State, Stats
from qctl.tui.data.depth_history import MINUTES, DepthHistory
from qctl.tui.data.monitor_data import MonitorData
from qctl.tui.page import TablePage
from qctl.tui.pages.queue_acts import QueueActsPage
from qctl.tui.pages.queue_condition import queue_sign
from qctl.tui.widgets.grid import Grid, GridSpec
from qctl.view import Cell, Column

LINKS: Mapping[str, tuple[str, tuple[State, ...]]] = {
    "WAITING": ("3", ("queued",)),
    "RUNNING": ("3", ("started",)),
    "SCHED": ("3", ("scheduled",)),
    "DEFER": ("3", ("deferred",)),
    "DEAD": ("4", ()),
    "FINISHED": ("3", ("finished",)),
    "WORKERS": ("6", ()),
}
"""Targets of a queue's numbers: a page, and the states of the jobs shown there."""


BAR_WIDTH = 9

BAR_ENDS = " ▏▎▍▌▋▊▉"
"""The last character of a bar, by eighths."""


def queue_spec(depths: DepthHistory) -> GridSpec:
    """The table of queues, with a column for the trend of their depths."""

    def trend() -> Column[QueueStats]:
        highest = depths.highest
        title = f"TREND to {view.count(highest)}" if highest else "TREND"
        return Column(title, lambda queue: Cell(f"{depths.bars(queue.name, highest):<{MINUTES}}"), drop=4)

    return _spec(trend, "OLDEST")


def overview_spec(depths: DepthHistory) -> GridSpec:
    """The table of queues, with a bar behind the number of waiting jobs."""

    def bar() -> Column[QueueStats]:
        highest = depths.highest
        return Column(f"OF {view.count(highest)}", lambda queue: Cell(_bar(queue.waiting, highest), "dim"), drop=9)

    return _spec(bar, "RUNNING")


def _bar(number: int, highest: int) -> str:
    eighths = min(8 * BAR_WIDTH, -(-number * 8 * BAR_WIDTH // highest)) if highest else 0
    return f"{'█' * (eighths // 8) + BAR_ENDS[eighths % 8].strip():<{BAR_WIDTH}}"


def _spec(graph: Callable[[], Column[QueueStats]], before: str) -> GridSpec:
    def columns(now: datetime) -> list[Column[QueueStats]]:
        columns = view.queue_columns(now)
        place = next(number for number, column in enumerate(columns) if column.title == before)
        return [Column("", queue_sign), *columns[:place], graph(), *columns[place:]]

    return GridSpec(
        columns,
        lambda queue: queue.name,
        view.NO_QUEUE,
        {
            "QUEUE": lambda queue: queue.name,
            "WAITING": lambda queue: queue.waiting,
            "RUNNING": lambda queue: queue.running,
            "DEAD": lambda queue: queue.dead,
            "OLDEST": lambda queue: queue.oldest_age,
            "OUT/S": lambda queue: queue.out_rate,
            "WORKERS": lambda queue: queue.workers,
        },
        frozenset({"WAITING", "RUNNING", "DEAD", "OLDEST", "OUT/S"}),
        frozenset(LINKS),
    )


class QueuesPage(TablePage, QueueActsPage):
    """All queues."""

    digit = "2"
    heading = "Queues"
    short = "Que"
    DEFAULT_CSS = "QueuesPage Grid { width: 1fr; }"

    def compose(self) -> ComposeResult:
        """Place the table."""
        yield from self.beside(Grid(queue_spec(self.host.depths), title="Queues"))

    def read(self, data: MonitorData) -> Stats:
        """Read all queues."""
        return data.stats.read()

    def rows(self, data: Stats) -> Sequence[QueueStats]:
        """The queues that this site uses, by name."""
        return data.in_use.queues

    def present(self, data: Stats, now: datetime) -> None:
        """Record the depths, and fill the table."""
        self.host.depths.record(data)
        super().present(data, now)
        self.refresh_detail()

    def open_row(self, row: QueueStats) -> None:
        """Show a queue in full."""
        self.open_detail(row)

    def open_link(self, row: QueueStats, title: str) -> None:
        """Go to the jobs, dead letters or workers of a queue."""
        digit, states = LINKS[title]
        self.host.go_to(digit, Selector(queue=row.name, states=states))

    def queue_of(self, row: Any) -> QueueStats | None:
        """The queue of the row."""
        queue: QueueStats | None = row
        return queue
