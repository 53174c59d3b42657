"""Tables of queues and of their history."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from qctl.quantities import quantity
from qctl.safe import escape_line
from qctl.view.table import Cell, Column
from qctl.view.values import (
    NO_VALUE,
    count,
    duration,
    elapsed,
    elapsed_percentiles,
    eta,
    local_time,
    pause_text,
    rate,
    share,
    size,
)

if TYPE_CHECKING:
    from qctl.models import HistoryStep, QueueStats, Stats
    from qctl.view.table import Style

NO_QUEUE = "No queues: a queue appears with its first job. To use another Redis, set REDIS_URL."


def queue_columns(now: datetime) -> list[Column[QueueStats]]:
    """Return the columns of queues. What says that a queue is in trouble is removed last."""
    return [
        Column("QUEUE", lambda q: Cell(escape_line(q.name)), min_width=16, whole=True),
        Column("WAITING", lambda q: _jobs(q, q.waiting), right=True),
        Column("RUNNING", lambda q: _jobs(q, q.running), right=True, drop=5),
        Column("SCHED", lambda q: _jobs(q, q.scheduled), right=True, drop=10),
        Column("DEFER", lambda q: _jobs(q, q.deferred), right=True, drop=14),
        Column("DEAD", lambda q: _jobs(q, q.dead, "bad"), right=True, drop=1),
        Column("NEW/MIN", _new_dead_letters, right=True, drop=8),
        Column("FINISHED", lambda q: _jobs(q, q.finished), right=True, drop=9),
        Column("OLDEST", lambda q: Cell(duration(q.oldest_age)), right=True, drop=4),
        Column("IN/S", lambda q: Cell(rate(q.in_rate)), right=True, drop=8),
        Column("OUT/S", lambda q: Cell(rate(q.out_rate)), right=True, drop=7),
        Column("ETA", lambda q: Cell(eta(q.eta) if q.waiting else NO_VALUE), right=True, drop=3),
        Column("ERRORS", lambda q: Cell(share(q.error_rate), "bad" if q.error_rate else ""), right=True, drop=2),
        Column("WAIT 50/95/99%", lambda q: Cell(elapsed_percentiles(q.waits)), right=True, drop=12),
        Column("RUN 50/95/99%", lambda q: Cell(elapsed_percentiles(q.runs)), right=True, drop=13),
        Column("MEMORY", lambda q: Cell(NO_VALUE if not q.memory else size(q.memory)), right=True, drop=11),
        Column("WORKERS", lambda q: Cell(count(q.workers)), right=True, drop=6),
        Column("STATE", lambda q: queue_state(q, now), long=True),
    ]


def _new_dead_letters(queue: QueueStats) -> Cell:
    """Format how many dead letters come in a minute."""
    per_minute = None if queue.dead_rate is None else 60 * queue.dead_rate
    return Cell(rate(per_minute), "warn" if per_minute else "dim")


def queue_state(queue: QueueStats, now: datetime) -> Cell:
    """Format the problem or the pause of a queue; empty if there is none."""
    if queue.error:
        return Cell(f"cannot be read: {escape_line(queue.error)}", "bad")
    if queue.paused and queue.lanes and queue.paused.queue != queue.name:
        return Cell(f"{escape_line(queue.paused.queue)} {pause_text(queue.paused, now)}", "warn")
    if queue.paused:
        return Cell(pause_text(queue.paused, now, queue.name), "warn")
    if queue.waiting and not queue.workers:
        return Cell("no worker", "warn")
    if queue.limit:
        return Cell(f"limit {escape_line(queue.limit)}")
    if queue.abandoned or queue.ghosts:
        parts = [f"{queue.abandoned} abandoned"] if queue.abandoned else []
        parts += [quantity(queue.ghosts, "ghost")] if queue.ghosts else []
        return Cell(f"{', '.join(parts)}: qctl doctor", "warn")
    return Cell("")


def totals_line(stats: Stats) -> str:
    """Format the line under the table of queues."""
    t = stats.totals
    return f"pending {t.pending}   running {t.running}   completed {t.completed}   failed {t.failed}   total {t.total}"


def _jobs(queue: QueueStats, number: int, style: Style = "") -> Cell:
    return Cell("?") if queue.error else Cell(count(number), style if number else "dim")


def history_columns(now: datetime) -> list[Column[HistoryStep]]:
    """Return the columns of a queue's history, one row per hour or day."""
    return [
        Column("FROM", lambda s: Cell(local_time(s.at, now))),
        Column("ENQUEUED", lambda s: _event_count(s, "enqueued"), right=True, drop=2),
        Column("FINISHED", lambda s: _event_count(s, "finished"), right=True),
        Column("RETRIED", lambda s: _event_count(s, "retried", "warn"), right=True, drop=1),
        Column("DEAD", lambda s: _event_count(s, "dead", "bad"), right=True),
        Column("QUARANTINED", lambda s: _event_count(s, "quarantined", "bad"), right=True, drop=3),
        Column("MEAN RUN", lambda s: Cell(elapsed(s.mean_run)), right=True, drop=1),
    ]


def _event_count(step: HistoryStep, event: str, style: Style = "") -> Cell:
    number = step.counts.get(event, 0)
    return Cell(count(number), style if number else "dim")
