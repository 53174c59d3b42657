"""Keys that act on a queue, for every page whose rows are about queues."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from qctl import view
from qctl.models import QueueStats, Selector
from qctl.tui import actions
from qctl.tui.data.depth_history import MINUTES, DepthHistory
from qctl.tui.data.monitor_data import MonitorData
from qctl.tui.detail_page import DetailPage
from qctl.tui.pages.queue_condition import queue_condition
from qctl.tui.widgets.dialogs import DialogField
from qctl.view import Cell

NO_QUEUE = "this row is not about a queue"


class QueueActsPage(DetailPage):
    """A page with acts on the queue of its row, and a pane about that queue."""

    @property
    def queue(self) -> QueueStats | None:
        """The queue that the row of the cursor is about, None if there is none."""
        return self.queue_of(self.grid.current)

    def queue_of(self, row: Any) -> QueueStats | None:
        """The queue that a row is about, None if there is none."""
        raise NotImplementedError

    def has_detail(self, row: Any) -> bool:
        """Only queues have details."""
        return self.queue_of(row) is not None

    def detail_title(self, row: Any) -> str:
        """The name of the queue."""
        queue = self.queue_of(row)
        return queue.name if queue else ""

    def detail(self, data: MonitorData, row: Any, now: datetime) -> Sequence[Cell]:
        """Read the queue: its condition and pause, workers, names of waiting jobs, causes."""
        queue = self.queue_of(row)
        return (
            []
            if queue is None
            else [*describe(queue, self.host.depths, now), *view.queue_details(data.queues.show(queue.name), now)]
        )

    def _chosen(self) -> QueueStats | None:
        queue = self.queue
        if queue is None and self.grid.current is not None:
            self.host.show_status(NO_QUEUE)
        return queue

    def do_pause(self) -> None:
        """Pause or resume the queue."""
        queue = self._chosen()
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
        queue = self._chosen()
        if queue is None:
            return
        if queue.waiting:
            self.confirm(actions.clear(self.ops, queue.name, queue.waiting))
        else:
            self.host.show_status(f"no jobs wait in {queue.name}")

    def do_move(self) -> None:
        """Move all waiting jobs to another queue."""
        queue = self._chosen()
        if queue is None:
            return
        if queue.waiting:
            self.ask_target(Selector(queue=queue.name, states=("queued",)), queue.waiting)
        else:
            self.host.show_status(f"no jobs wait in {queue.name}")

    def do_retry(self) -> None:
        """Retry all dead letters of the queue."""
        queue = self._chosen()
        if queue is None:
            return
        if queue.dead:
            self.ask_retry(Selector(queue=queue.name), queue.dead)
        else:
            self.host.show_status(f"{queue.name} has no dead letters")


def describe(queue: QueueStats, depths: DepthHistory, now: datetime) -> Iterator[Cell]:
    """Yield the condition of a queue, its pause with its author, its numbers, and its depths."""
    sign, word, style = queue_condition(queue)
    yield Cell(f"{sign} {word}", style)
    if queue.paused:
        pause = queue.paused
        until = f", until {view.local_time(pause.until, now)}" if pause.until else ""
        yield view.detail_line("paused", f"by {pause.by}, since {view.local_time(pause.at, now)}{until}", "warn")
        yield view.detail_line("reason", pause.reason or view.NO_VALUE, "warn")
    for column in view.queue_columns(now):
        cell = column.cell(queue)
        if cell.text not in ("", "0", view.NO_VALUE) and column.title not in ("QUEUE", "STATE"):
            yield view.detail_line(column.title.lower(), cell.text, cell.style)
    if highest := depths.highest_of(queue.name):
        yield view.detail_line("depth", f"{depths.bars(queue.name, highest)} to {view.count(highest)}, {MINUTES} min")
    yield Cell("")
