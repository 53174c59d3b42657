"""Documents about queues."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from qctl.cli.documents.dead_letters import cause
from qctl.cli.documents.document import DURATION_FIELDS, Document, durations, seconds, share, single, time

if TYPE_CHECKING:
    from qctl.cli.documents.document import Record
    from qctl.errors import QctlError
    from qctl.models import (
        ClearResult,
        DeleteResult,
        DrainResult,
        HistoryStep,
        Pause,
        PauseResult,
        QueueDetail,
        QueueStats,
        ResumeResult,
        Stats,
    )


def stats(stats: Stats) -> Document:
    """`qctl stats`."""
    totals = stats.totals
    return Document(
        "qctl.stats/1",
        "name",
        (
            *("name", "waiting", "running", "scheduled", "deferred", "dead", "finished", "oldest_age_seconds"),
            *("in_rate", "out_rate", "workers", "paused.by", "paused.since", "paused.until", "paused.reason", "error"),
            *("taken_rate", "eta_seconds", "recent_finished", "recent_failed", "error_rate", "memory_bytes", "lanes"),
            *(f"{metric}.{field}" for metric in ("wait", "run") for field in DURATION_FIELDS),
            *("abandoned", "ghosts", "limit", "dead_rate"),
        ),
        {
            "at": time(stats.at),
            "pending": totals.pending,
            "running": totals.running,
            "completed": totals.completed,
            "failed": totals.failed,
            "total": totals.total,
        },
        "queues",
        [queue_record(queue) for queue in stats.queues],
    )


def queue_record(queue: QueueStats) -> Record:
    """Return the row of one queue."""
    return {
        "name": queue.name,
        "waiting": queue.waiting,
        "running": queue.running,
        "scheduled": queue.scheduled,
        "deferred": queue.deferred,
        "dead": queue.dead,
        "finished": queue.finished,
        "oldest_age_seconds": seconds(queue.oldest_age),
        "in_rate": seconds(queue.in_rate),
        "out_rate": seconds(queue.out_rate),
        "paused": _pause(queue.paused) if queue.paused else None,
        "limit": queue.limit or None,
        "workers": queue.workers,
        "error": queue.error,
        "taken_rate": seconds(queue.taken_rate),
        "dead_rate": seconds(queue.dead_rate),
        "eta_seconds": seconds(queue.eta),
        "recent_finished": queue.recent_finished,
        "recent_failed": queue.recent_failed,
        "error_rate": share(queue.error_rate),
        "wait": durations(queue.waits),
        "run": durations(queue.runs),
        "memory_bytes": queue.memory,
        "lanes": list(queue.lanes),
        "abandoned": queue.abandoned,
        "ghosts": queue.ghosts,
    }


def _pause(pause: Pause) -> Record:
    return {"by": pause.by, "since": time(pause.at), "until": time(pause.until), "reason": pause.reason}


def pause(results: Sequence[PauseResult], failures: Sequence[tuple[str, QctlError]]) -> Document:
    """`qctl pause`."""
    rows = [
        {
            "queue": result.pause.queue,
            "changed": result.changed,
            **_pause(result.pause),
            "running": [job.id for job in result.running],
            "waited_seconds": seconds(result.waited),
            "deaf_workers": result.deaf_workers,
            "workers": result.listening,
            "error": None,
        }
        for result in results
    ]
    columns = (
        "queue",
        "changed",
        "by",
        "since",
        "until",
        "reason",
        "running",
        "waited_seconds",
        "deaf_workers",
        "workers",
        "error",
    )
    return Document("qctl.pause/1", "queue", columns, {}, "results", rows + _failed(failures))


def resume(results: Sequence[ResumeResult], failures: Sequence[tuple[str, QctlError]]) -> Document:
    """`qctl resume`."""
    rows: list[Record] = [{"queue": result.queue, "changed": result.changed, "error": None} for result in results]
    columns = ("queue", "changed", "error")
    return Document("qctl.resume/1", "queue", columns, {}, "results", rows + _failed(failures))


def _failed(failures: Sequence[tuple[str, QctlError]]) -> list[Record]:
    return [{"queue": name, "changed": False, "error": error.message} for name, error in failures]


def clear(result: ClearResult, dry_run: bool) -> Document:
    """`qctl clear`."""
    head = {
        "queue": result.queue,
        "removed": result.removed,
        "batch": result.batch,
        "purged": result.purged,
        "dry_run": dry_run,
        "dependents": result.dependents,
        "dependents_changed": result.dependents_changed,
    }
    return single("qctl.clear/1", "queue", head)


def queue_show(detail: QueueDetail) -> Document:
    """`qctl queue show`."""
    head: Record = {
        "name": detail.name,
        "lanes": [queue_record(lane) for lane in detail.lanes],
        "workers": [worker.name for worker in detail.workers],
        "waiting_by_name": [{"name": name, "count": count} for name, count in detail.names.items()],
        "causes": [cause(one) for one in detail.causes],
    }
    return single("qctl.queue.show/1", "name", head)


def queue_drain(result: DrainResult) -> Document:
    """`qctl queue drain`."""
    head = {"queue": result.queue, "paused": result.pause is not None, "waited_seconds": seconds(result.seconds)}
    return single("qctl.queue.drain/1", "queue", head)


def queue_delete(result: DeleteResult) -> Document:
    """`qctl queue delete`."""
    head = {"queue": result.queue, "removed": result.removed, "batch": result.batch, "listed": result.listed}
    return single("qctl.queue.delete/1", "queue", head)


HISTORY_EVENTS = ("enqueued", "started", "finished", "failed", "retried", "dead", "quarantined", "recovered")
"""Events in the history of a queue, by their names in the event stream."""


def queue_history(name: str, steps: Sequence[HistoryStep]) -> Document:
    """`qctl queue history`."""
    rows: list[Record] = [
        {
            "at": time(step.at),
            **{event: step.counts.get(event, 0) for event in HISTORY_EVENTS},
            "mean_run_seconds": seconds(step.mean_run),
        }
        for step in steps
    ]
    return Document(
        "qctl.queue.history/1", "at", ("at", *HISTORY_EVENTS, "mean_run_seconds"), {"queue": name}, "steps", rows
    )
