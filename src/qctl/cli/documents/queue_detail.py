"""Documents about one queue and all its jobs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from qctl.cli.documents.dead_letters import cause
from qctl.cli.documents.document import Document, seconds, time
from qctl.cli.documents.queues import record

if TYPE_CHECKING:
    from qctl.cli.documents.document import Record
    from qctl.models import DeleteResult, DrainResult, HistoryStep, QueueDetail


def queue(detail: QueueDetail) -> Document:
    """`qctl queue show`."""
    head: Record = {
        "name": detail.name,
        "lanes": [record(lane) for lane in detail.lanes],
        "workers": [worker.name for worker in detail.workers],
        "waiting_by_name": [{"name": name, "count": count} for name, count in detail.names.items()],
        "causes": [cause(each) for each in detail.causes],
    }
    return Document("qctl.queue.show/1", "name", tuple(head), head)


def drained(result: DrainResult) -> Document:
    """`qctl queue drain`."""
    head = {"queue": result.queue, "paused": result.pause is not None, "waited_seconds": seconds(result.seconds)}
    return Document("qctl.queue.drain/1", "queue", tuple(head), head)


def deleted(result: DeleteResult) -> Document:
    """`qctl queue delete`."""
    head = {"queue": result.queue, "removed": result.removed, "batch": result.batch, "listed": result.listed}
    return Document("qctl.queue.delete/1", "queue", tuple(head), head)


HAPPENED = ("enqueued", "started", "finished", "failed", "retried", "dead", "quarantined", "recovered")
"""Events that the history of a queue tells, by their names in the stream."""


def history(name: str, found: Sequence[HistoryStep]) -> Document:
    """`qctl queue history`."""
    rows: list[Record] = [
        {
            "at": time(step.at),
            **{event: step.counts.get(event, 0) for event in HAPPENED},
            "mean_run_seconds": seconds(step.mean_run),
        }
        for step in found
    ]
    return Document("qctl.queue.history/1", "at", ("at", *HAPPENED, "mean_run_seconds"), {"queue": name}, "steps", rows)
