"""Page 2, Queues: the numbers of each queue, and actions on queues."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timezone

from textual.app import ComposeResult

from qctl import view
from qctl.models import QueueStats, Selector, State, Stats
from qctl.safe import escape_line
from qctl.tui import actions
from qctl.tui.data.depth_history import MINUTES, DepthHistory
from qctl.tui.data.monitor_data import MonitorData
from qctl.tui.page import TablePage
from qctl.tui.widgets.dialogs import DialogField, TextWindow
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


def queue_spec(depths: DepthHistory) -> GridSpec:
    """The table of queues, with a column for the trend of their depths."""

    def columns(now: datetime) -> list[Column[QueueStats]]:
        columns = view.queue_columns(now)
        oldest = next(number for number, column in enumerate(columns) if column.title == "OLDEST")
        highest = depths.highest
        title = f"TREND to {view.count(highest)}" if highest else "TREND"
        trend = Column[QueueStats](title, lambda queue: Cell(f"{depths.bars(queue.name, highest):<{MINUTES}}"), drop=4)
        return [*columns[:oldest], trend, *columns[oldest:]]

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


class QueuesPage(TablePage):
    """All queues."""

    digit = "2"
    heading = "Queues"
    short = "Que"

    def compose(self) -> ComposeResult:
        """Place the table."""
        yield Grid(queue_spec(self.host.depths), title="Queues")

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

    def open_row(self, row: QueueStats) -> None:
        """Show a queue in full."""
        self.app.push_screen(TextWindow(row.name, "\n".join(describe(row, datetime.now(timezone.utc)))))

    def open_link(self, row: QueueStats, title: str) -> None:
        """Go to the jobs, dead letters or workers of a queue."""
        digit, states = LINKS[title]
        self.host.go_to(digit, Selector(queue=row.name, states=states))

    def do_pause(self) -> None:
        """Pause or resume the queue."""
        queue = self.grid.current
        if queue is None:
            return
        if queue.paused:
            self.confirm(actions.resume(self.ops, queue.paused.queue, queue.waiting, queue.paused))
            return
        self.open_dialog(
            lambda texts: actions.pause(self.ops, queue.name, queue.waiting, texts["reason"], texts["duration"]),
            [
                DialogField("reason", "Reason, shown to everybody:"),
                DialogField("duration", "Duration:", "30m, 2h; empty: until the queue is resumed"),
            ],
        )

    def do_clear(self) -> None:
        """Move all waiting jobs to the trash, confirmed by the queue's name."""
        queue = self.grid.current
        if queue is None:
            return
        if queue.waiting:
            self.confirm(actions.clear(self.ops, queue.name, queue.waiting))
        else:
            self.host.show_status(f"no jobs wait in {queue.name}")

    def do_move(self) -> None:
        """Move all waiting jobs to another queue."""
        queue = self.grid.current
        if queue is None:
            return
        if queue.waiting:
            self.ask_target(Selector(queue=queue.name, states=("queued",)), queue.waiting)
        else:
            self.host.show_status(f"no jobs wait in {queue.name}")

    def do_retry(self) -> None:
        """Retry all dead letters of the queue."""
        queue = self.grid.current
        if queue is None:
            return
        if queue.dead:
            self.confirm(actions.retry(self.ops, Selector(queue=queue.name), queue.dead))
        else:
            self.host.show_status(f"{queue.name} has no dead letters")


def describe(queue: QueueStats, now: datetime) -> Iterator[str]:
    """Yield all fields of a queue, one on each line, and its workers."""
    for column in view.queue_columns(now):
        text = column.cell(queue).text
        if text:
            yield f"{column.title:<16} {text}"
    if queue.lanes:
        yield f"{'LANES':<16} {escape_line(', '.join(queue.lanes))}"
    if queue.paused:
        yield f"{'PAUSED BY':<16} {escape_line(queue.paused.by)} at {view.local_time(queue.paused.at, now)}"
        yield f"{'REASON':<16} {escape_line(queue.paused.reason or view.NO_VALUE)}"
    yield ""
    yield "Workers of this queue:" if queue.listeners else "This queue has no workers."
    yield from (f"  {escape_line(name)}" for name in sorted(queue.listeners))
