"""2 Queues: their numbers, and holding, releasing and emptying them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from qctl import view
from qctl.models import QueueStats, Selector, Stats
from qctl.safe import inert_line
from qctl.tui import acts
from qctl.tui.dialogs import Field, Sheet
from qctl.tui.grid import Source
from qctl.tui.page import TablePage

if TYPE_CHECKING:
    from qctl.ops import Ops

QUEUES = Source(
    view.queue_columns,
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
)


class QueuesPage(TablePage):
    """Every queue."""

    digit = "2"
    heading = "Queues"
    source = QUEUES

    def read(self, ops: Ops) -> Stats:
        """One reading."""
        return ops.stats.read()

    def rows(self, data: Stats) -> Sequence[QueueStats]:
        """All of them, by name."""
        return data.queues

    def open(self, row: QueueStats) -> None:
        """All that is known of it."""
        self.app.push_screen(Sheet(row.name, "\n".join(facts(row, datetime.now(timezone.utc)))))

    def do_pause(self) -> None:
        """Hold it, or let it go on."""
        queue = self.grid.current
        if queue is None:
            return
        if queue.paused:
            self.propose(acts.resume(self.ops, queue.paused.queue, queue.waiting, queue.paused))
            return
        self.ask(
            lambda typed: acts.pause(self.ops, queue.name, queue.waiting, typed["reason"], typed["lasts"]),
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
            self.propose(acts.clear(self.ops, queue.name, queue.waiting))
        else:
            self.monitor.tell(f"nothing waits in {queue.name}")

    def do_retry(self) -> None:
        """Run its dead letters again."""
        queue = self.grid.current
        if queue is None:
            return
        if queue.dead:
            self.propose(acts.retry(self.ops, Selector(queue=queue.name), queue.dead))
        else:
            self.monitor.tell(f"{queue.name} has no dead letters")


def facts(queue: QueueStats, now: datetime) -> Iterator[str]:
    """What a table has no room for, line by line."""
    for column in view.queue_columns(now):
        text = column.cell(queue).text
        if text:
            yield f"{column.title:<16} {text}"
    if queue.lanes:
        yield f"{'LANES':<16} {inert_line(', '.join(queue.lanes))}"
    if queue.paused:
        yield f"{'PAUSED BY':<16} {inert_line(queue.paused.by)} at {view.moment(queue.paused.at, now)}"
        yield f"{'REASON':<16} {inert_line(queue.paused.reason or view.NOTHING)}"
    yield ""
    yield "Workers that take from it:" if queue.listeners else "No worker takes from it."
    yield from (f"  {inert_line(name)}" for name in sorted(queue.listeners))
