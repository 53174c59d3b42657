"""Statistics: a snapshot of all queues, with lanes folded into their queues."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from qctl import catalog
from qctl.broker.query import stats_snapshot
from qctl.histogram import Histogram
from qctl.models import QueueStats, Stats
from qctl.ops.base import Part

if TYPE_CHECKING:
    from qctl.models import Names


class StatsOps(Part, name="stats"):
    """Statistics, for `qctl stats`."""

    def read(self, only: Collection[str] | None = None) -> Stats:
        """Read every queue and the totals, or only the existing queues of `only`, in at most four round trips."""
        return stats_snapshot.stats(self._redis, only)

    def recounted(self, before: Stats) -> Stats:
        """Refresh the counts and pauses of a snapshot; ages, rates and durations stay. It takes a tenth of the time of
        `read`, for monitoring very many queues."""
        return stats_snapshot.refresh_counts(self._redis, before)

    def names(self, queues: Sequence[str] = (), seconds: float = 3600.0) -> Names:
        """Count the jobs of these queues by name: waiting jobs, and runs in the last `seconds`. Raises UsageError for
        more than two days, and NotFoundError.

        Only runs in qctl's workers are counted. Waiting jobs are estimated from a sample of each queue.
        """
        from qctl.ops import name_stats  # takes as long to import as the rest of this module

        return name_stats.read(self._redis, queues, seconds)


_COUNTS = ("waiting", "running", "scheduled", "deferred", "dead", "finished", "recent_finished", "recent_failed")
_RATES = ("in_rate", "taken_rate", "out_rate", "dead_rate")


def fold_lanes(stats: Stats) -> Stats:
    """Merge the lanes of each queue into one row under its name; a lane without its queue keeps its own row."""
    own = {queue.name for queue in stats.queues}
    select_families: dict[str, list[QueueStats]] = {}
    for queue in stats.queues:
        family = catalog.base_queue(queue.name)
        select_families.setdefault(family if family in own else queue.name, []).append(queue)
    rows = [lanes[0] if len(lanes) == 1 else _fold(name, lanes) for name, lanes in select_families.items()]
    return replace(stats, queues=sorted(rows, key=lambda row: row.name))


def _fold(name: str, lanes: Sequence[QueueStats]) -> QueueStats:
    own = next(lane for lane in lanes if lane.name == name)
    listeners = frozenset().union(*(lane.listeners for lane in lanes))
    summed: dict[str, Any] = {field: sum(getattr(lane, field) for lane in lanes) for field in _COUNTS}
    summed |= {field: _sum(getattr(lane, field) for lane in lanes) for field in _RATES}
    unreal = lanes[0].unreal
    for lane in lanes[1:]:
        unreal = unreal.merged(lane.unreal)
    return replace(
        own,
        **summed,
        unreal=unreal,
        oldest_age=max((lane.oldest_age for lane in lanes if lane.oldest_age is not None), default=None),
        waits=Histogram.merged(lane.waits for lane in lanes),
        runs=Histogram.merged(lane.runs for lane in lanes),
        memory=None if any(lane.memory is None for lane in lanes) else sum(lane.memory or 0 for lane in lanes),
        paused=own.paused or next((lane.paused for lane in lanes if lane.paused), None),
        workers=len(listeners),
        listeners=listeners,
        error=next((f"{lane.name}: {lane.error}" for lane in lanes if lane.error), None),
        lanes=tuple(lane.name for lane in lanes),
        unused=all(lane.unused for lane in lanes),
    )


def _sum(rates: Iterable[float | None]) -> float | None:
    """Sum up the known rates. None if none is known."""
    known = [rate for rate in rates if rate is not None]
    return sum(known) if known else None
