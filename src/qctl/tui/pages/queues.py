"""2 Queues: their numbers, and holding, releasing and emptying them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timezone

from textual.app import ComposeResult

from qctl import view
from qctl.models import QueueStats, Selector, State, Stats
from qctl.safe import escape_line
from qctl.tui import actions
from qctl.tui.data.depth_history import Trends
from qctl.tui.data.monitor_data import MonitorData
from qctl.tui.page import TablePage
from qctl.tui.widgets.dialogs import Field, Sheet
from qctl.tui.widgets.grid import Grid, Source
from qctl.view import Cell, Column

LEADS: Mapping[str, tuple[str, tuple[State, ...]]] = {
    "WAITING": ("3", ("queued",)),
    "RUNNING": ("3", ("started",)),
    "SCHED": ("3", ("scheduled",)),
    "DEFER": ("3", ("deferred",)),
    "DEAD": ("4", ()),
    "FINISHED": ("3", ("finished",)),
    "WORKERS": ("6", ()),
}
"""Where the numbers of a queue lead: to which screen, and there to jobs of which states."""


def queue_source(trends: Trends) -> Source:
    """Queues with their numbers, and how they went."""

    def columns(now: datetime) -> list[Column[QueueStats]]:
        every = view.queue_columns(now)
        oldest = next(number for number, column in enumerate(every) if column.title == "OLDEST")
        trend = Column[QueueStats]("TREND", lambda queue: Cell(trends.bars(queue.name)), drop=4)
        return [*every[:oldest], trend, *every[oldest:]]

    return Source(
        columns,
        lambda queue: queue.name,
        "No queues yet.",
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
        frozenset(LEADS),
    )


class QueuesPage(TablePage):
    """Every queue."""

    digit = "2"
    heading = "Queues"

    def compose(self) -> ComposeResult:
        """The table."""
        yield Grid(queue_source(self.host.trends))

    def read(self, data: MonitorData) -> Stats:
        """One reading."""
        return data.stats.read()

    def rows(self, data: Stats) -> Sequence[QueueStats]:
        """All of them, by name."""
        return data.queues

    def present(self, data: Stats, now: datetime) -> None:
        """With how it went."""
        self.host.trends.note(data)
        super().present(data, now)

    def open(self, row: QueueStats) -> None:
        """All that is known of it."""
        self.app.push_screen(Sheet(row.name, "\n".join(facts(row, datetime.now(timezone.utc)))))

    def follow(self, row: QueueStats, title: str) -> None:
        """To those jobs, dead letters, workers."""
        digit, states = LEADS[title]
        self.host.go(digit, Selector(queue=row.name, states=states))

    def do_pause(self) -> None:
        """Hold it, or let it go on."""
        queue = self.grid.current
        if queue is None:
            return
        if queue.paused:
            self.propose(actions.resume(self.ops, queue.paused.queue, queue.waiting, queue.paused))
            return
        self.ask(
            lambda typed: actions.pause(self.ops, queue.name, queue.waiting, typed["reason"], typed["lasts"]),
            [
                Field("reason", "Reason, for all who look at it:"),
                Field("lasts", "For how long:", "30m, 2h; empty: until somebody resumes it"),
            ],
        )

    def do_clear(self) -> None:
        """Empty it, by its name typed."""
        queue = self.grid.current
        if queue is None:
            return
        if queue.waiting:
            self.propose(actions.clear(self.ops, queue.name, queue.waiting))
        else:
            self.host.show_status(f"nothing waits in {queue.name}")

    def do_move(self) -> None:
        """All that waits in it to another queue."""
        queue = self.grid.current
        if queue is None:
            return
        if queue.waiting:
            self.ask_where(Selector(queue=queue.name, states=("queued",)), queue.waiting)
        else:
            self.host.show_status(f"nothing waits in {queue.name}")

    def do_retry(self) -> None:
        """Run its dead letters again."""
        queue = self.grid.current
        if queue is None:
            return
        if queue.dead:
            self.propose(actions.retry(self.ops, Selector(queue=queue.name), queue.dead))
        else:
            self.host.show_status(f"{queue.name} has no dead letters")


def facts(queue: QueueStats, now: datetime) -> Iterator[str]:
    """What a table has no room for, line by line."""
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
    yield "Workers that take from it:" if queue.listeners else "No worker takes from it."
    yield from (f"  {escape_line(name)}" for name in sorted(queue.listeners))
