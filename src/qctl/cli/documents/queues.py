"""Documents about queues."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from qctl.cli.documents.document import DURATIONS, Document, durations, seconds, share, time

if TYPE_CHECKING:
    from qctl.cli.documents.document import Record
    from qctl.errors import QctlError
    from qctl.models import ClearResult, Pause, PauseResult, QueueStats, ResumeResult, Stats


def stats(found: Stats) -> Document:
    """`qctl stats`."""
    t = found.totals
    return Document(
        "qctl.stats/1",
        "name",
        (
            *("name", "waiting", "running", "scheduled", "deferred", "dead", "finished", "oldest_age_seconds"),
            *("in_rate", "out_rate", "workers", "paused.by", "paused.since", "paused.until", "paused.reason", "error"),
            *("taken_rate", "eta_seconds", "recent_finished", "recent_failed", "error_rate", "memory_bytes", "lanes"),
            *(f"{what}.{field}" for what in ("wait", "run") for field in DURATIONS),
        ),
        {
            "at": time(found.at),
            "pending": t.pending,
            "running": t.running,
            "completed": t.completed,
            "failed": t.failed,
            "total": t.total,
        },
        "queues",
        [record(queue) for queue in found.queues],
    )


def record(queue: QueueStats) -> Record:
    """One queue."""
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
        "workers": queue.workers,
        "error": queue.error,
        "taken_rate": seconds(queue.taken_rate),
        "eta_seconds": seconds(queue.eta),
        "recent_finished": queue.recent_finished,
        "recent_failed": queue.recent_failed,
        "error_rate": share(queue.error_rate),
        "wait": durations(queue.waits),
        "run": durations(queue.runs),
        "memory_bytes": queue.memory,
        "lanes": list(queue.lanes),
    }


def _pause(pause: Pause) -> Record:
    return {"by": pause.by, "since": time(pause.at), "until": time(pause.until), "reason": pause.reason}


def paused(results: Sequence[PauseResult], failures: Sequence[tuple[str, QctlError]]) -> Document:
    """`qctl pause`."""
    rows = [
        {
            "queue": result.pause.queue,
            "changed": result.changed,
            **_pause(result.pause),
            "running": [job.id for job in result.running],
            "waited_seconds": seconds(result.waited),
            "deaf_workers": result.deaf_workers,
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
        "error",
    )
    return Document("qctl.pause/1", "queue", columns, {}, "results", rows + _failed(failures))


def resumed(results: Sequence[ResumeResult], failures: Sequence[tuple[str, QctlError]]) -> Document:
    """`qctl resume`."""
    rows: list[Record] = [{"queue": r.queue, "changed": r.changed, "error": None} for r in results]
    columns = ("queue", "changed", "error")
    return Document("qctl.resume/1", "queue", columns, {}, "results", rows + _failed(failures))


def _failed(failures: Sequence[tuple[str, QctlError]]) -> list[Record]:
    return [{"queue": name, "changed": False, "error": error.message} for name, error in failures]


def cleared(result: ClearResult, dry_run: bool) -> Document:
    """`qctl clear`."""
    head = {
        "queue": result.queue,
        "removed": result.removed,
        "batch": result.batch,
        "purged": result.purged,
        "dry_run": dry_run,
    }
    return Document("qctl.clear/1", "queue", tuple(head), head)
