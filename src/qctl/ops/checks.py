"""How queues stand against thresholds: for monitoring, and for alerts."""

from __future__ import annotations

from collections.abc import Sequence

from qctl.broker.query import stats_snapshot
from qctl.models import (
    LEVEL_ORDER,
    Check,
    CheckedMetric,
    CheckedValue,
    Level,
    QueueCheck,
    QueueStats,
    Stats,
    Thresholds,
)
from qctl.ops.base import Part
from qctl.ops.selection import select
from qctl.ops.stats import folded


class CheckOps(Part, name="checks"):
    """What `qctl check` answers."""

    def run(self, thresholds: Thresholds, queues: Sequence[str] = ()) -> Check:
        """Judge these queues (names or patterns, all by default), each with its lanes. Raises NotFoundError."""
        return judge(stats_snapshot.stats(self._redis), thresholds, queues)


def judge(stats: Stats, thresholds: Thresholds, queues: Sequence[str] = ()) -> Check:
    """Judge queues as they were read. Raises NotFoundError for a plain name that no queue has."""
    rows = {queue.name: queue for queue in folded(stats).queues}
    lanes = {queue.name: queue for queue in stats.queues}
    named = dict.fromkeys(
        name for pattern in queues for name in ([pattern] if pattern in lanes else select(pattern, list(rows)))
    )
    chosen = [rows.get(name) or lanes[name] for name in named] if queues else list(rows.values())
    return Check.of([_judge(queue, thresholds) for queue in chosen])


def _judge(queue: QueueStats, thresholds: Thresholds) -> QueueCheck:
    """One queue. Whatever cannot be read is critical: work does not flow through it."""
    paused = f"{queue.paused.queue} is paused by {queue.paused.by}" if queue.paused else None
    if queue.error:
        return QueueCheck(queue.name, Level.CRITICAL, [], queue.error, paused)
    readings = []
    for what, threshold in thresholds.given.items():
        value = _value(queue, what)
        level = Level.UNKNOWN if value is None else threshold.judge(value)
        readings.append(CheckedValue(queue.name, what, value, threshold, level))
    worst = max((reading.level for reading in readings), key=LEVEL_ORDER.index, default=Level.OK)
    return QueueCheck(queue.name, worst, readings, None, paused)


def _value(queue: QueueStats, what: CheckedMetric) -> float | None:
    """None where it is not known: jobs wait, and the oldest does not tell since when."""
    if what == "age":
        return queue.oldest_age if queue.waiting else 0.0
    if what == "errors":
        return queue.error_rate or 0.0
    return float({"depth": queue.waiting, "dead": queue.dead, "workers": queue.workers}[what])
