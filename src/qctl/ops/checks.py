"""Comparison of queues with thresholds, for monitoring systems and alerts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from qctl import catalog
from qctl.broker.query import stats_snapshot
from qctl.models import (
    LEVEL_ORDER,
    Check,
    CheckedMetric,
    CheckedValue,
    Level,
    QueueCheck,
    QueueStats,
    Severity,
    Stats,
    Thresholds,
)
from qctl.ops.base import Part
from qctl.ops.health import HealthOps
from qctl.ops.selection import select_queues
from qctl.ops.stats import fold_lanes

_LEVELS: Mapping[Severity, Level] = {"critical": Level.CRITICAL, "error": Level.CRITICAL, "warning": Level.WARNING}


class CheckOps(Part, name="checks"):
    """Checks of queues, for `qctl check`."""

    def run(self, thresholds: Thresholds, queues: Sequence[str] = ()) -> Check:
        """Check these queues (names or patterns, default: all), each with its lanes. Raises NotFoundError.

        Without thresholds, the health check judges: problems of these queues, or of the whole site.
        """
        stats = stats_snapshot.stats(self._redis)
        checked = check_queues(stats, thresholds, queues)
        if thresholds.enabled:
            return checked
        names = {queue.queue for queue in checked.queues}
        problems = [
            QueueCheck(finding.subject or finding.check, level, [], finding=finding)
            for finding in HealthOps(self._redis, self._settings).check(stats).problems
            if (level := _LEVELS.get(finding.severity, Level.OK)) is not Level.OK
            and (not queues or {finding.subject, catalog.base_queue(finding.subject)} & names)
        ]
        bad = {problem.queue for problem in problems}
        return Check.of([*problems, *(queue for queue in checked.queues if queue.error or queue.queue not in bad)])


def check_queues(stats: Stats, thresholds: Thresholds, queues: Sequence[str] = ()) -> Check:
    """Check queues of a snapshot. Raises NotFoundError for a name without wildcards that no queue has."""
    rows = {queue.name: queue for queue in fold_lanes(stats).queues}
    lanes = {queue.name: queue for queue in stats.queues}
    names = dict.fromkeys(
        name for pattern in queues for name in ([pattern] if pattern in lanes else select_queues(pattern, list(rows)))
    )
    chosen = (
        [rows.get(name) or lanes[name] for name in names]
        if queues
        else [row for row in rows.values() if not row.unused]
    )
    return Check.of([_check(queue, thresholds) for queue in chosen])


def _check(queue: QueueStats, thresholds: Thresholds) -> QueueCheck:
    """Check one queue. An unreadable queue is critical, because no job can run from it."""
    paused = f"{queue.paused.queue} is paused by {queue.paused.by}" if queue.paused else None
    if queue.error:
        return QueueCheck(queue.name, Level.CRITICAL, [], queue.error, paused)
    values = []
    for metric, threshold in thresholds.enabled.items():
        value = _value(queue, metric)
        level = Level.UNKNOWN if value is None else threshold.level_of(value)
        values.append(CheckedValue(queue.name, metric, value, threshold, level))
    worst = max((checked.level for checked in values), key=LEVEL_ORDER.index, default=Level.OK)
    return QueueCheck(queue.name, worst, values, None, paused)


def _value(queue: QueueStats, metric: CheckedMetric) -> float | None:
    """Return the value, None if unknown: jobs wait, but the oldest has no time."""
    if metric == "age":
        return queue.oldest_age if queue.waiting else 0.0
    if metric == "errors":
        return queue.error_rate or 0.0
    return float({"depth": queue.waiting, "dead": queue.dead, "workers": queue.workers}[metric])
