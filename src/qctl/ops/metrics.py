"""What was measured: over hours by the step, and all of it for a monitoring system."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Mapping, Sequence
from heapq import nlargest

from qctl import catalog
from qctl.broker.bookkeeping.counters import RETENTION_SECONDS, Counts
from qctl.broker.producer import owner_limits
from qctl.broker.query import count_series, pipeline_status, server_vitals, stats_snapshot, workers
from qctl.broker.query.count_series import QueueMinute
from qctl.broker.redis import clock
from qctl.errors import UsageError
from qctl.histogram import Histogram
from qctl.models import Metrics, Series, Step, TopicStatus
from qctl.ops.base import Part
from qctl.ops.selection import select_families

MOST_STEPS = 2000

BUSIEST = 100
"""Topics that are exported by name: each is a time series of its own to whoever collects them."""

SUMMED = ("taken", "finished", "failed", "dead", "retried")
"""What of a minute's counts is added up over a step."""


class MetricsOps(Part, name="metrics"):
    """What `qctl metrics` shows. Only what qctl's workers ran was measured."""

    def series(self, queues: Sequence[str] = (), *, seconds: float = 3600.0, step: float = 300.0) -> Series:
        """What these queues (names or patterns, all by default) did together in the last `seconds`, in steps of whole
        minutes that begin at multiples of their length. Raises UsageError and NotFoundError."""
        minutes = math.ceil(step / 60)
        if not 60 <= seconds <= RETENTION_SECONDS:
            raise UsageError("what was measured goes back from one minute to two days")
        if not 1 <= minutes <= RETENTION_SECONDS // 60 or seconds / 60 / minutes > MOST_STEPS:
            raise UsageError(f"a step is from one minute to two days, and there are at most {MOST_STEPS} of them")
        chosen = select_families(queues, stats_snapshot.queue_names(self._redis))
        last = int(time.time()) // 60
        first = (last - int(seconds) // 60 + 1) // minutes * minutes
        counted = count_series.counts(self._redis, chosen, first, last)
        sums = _sums(counted, minutes)
        waits: dict[int, list[Histogram]] = {}
        runs: dict[int, list[Histogram]] = {}
        for (_, minute), times in count_series.durations(self._redis, counted):
            waits.setdefault(minute // minutes, []).append(times.waits)
            runs.setdefault(minute // minutes, []).append(times.all_runs)
        depths = _depths(counted)
        steps = []
        for number in range(first // minutes, last // minutes + 1):
            begin, end = number * minutes, (number + 1) * minutes
            steps.append(
                Step(
                    at=clock.to_datetime(begin * 60_000),
                    arrived=_sum(_arrived(counted, queue, each, begin, end) for queue, each in depths.items()),
                    depth=_sum(_first(each, begin, end) for each in depths.values()),
                    waits=Histogram.merged(waits.get(number, ())),
                    runs=Histogram.merged(runs.get(number, ())),
                    **{what: sums.get((number, what), 0) for what in SUMMED},
                )
            )
        return Series(chosen, minutes * 60.0, steps)

    def depths(self, minutes: int = 12) -> dict[str, dict[int, int]]:
        """How many waited in each queue when each of the last `minutes` began, by queue and minute since 1970, where
        anybody noted that."""
        last = int(time.time()) // 60
        return count_series.depths(
            self._redis, stats_snapshot.queue_names(self._redis), range(last - minutes + 1, last + 1)
        )

    def read(self) -> Metrics:
        """Everything at this moment."""
        ping = server_vitals.ping(self._redis, "")
        seen = server_vitals.read(self._redis, [])
        return Metrics(
            stats=stats_snapshot.stats(self._redis),
            ever=count_series.totals(self._redis),
            workers=workers.living(self._redis),
            refused=sum(owner_limits.rejection_counts(self._redis).values()),
            rtt=ping.rtt,
            memory=seen.memory.used if seen.memory else None,
            memory_limit=seen.memory.limit if seen.memory else None,
            pipelines=pipeline_status.pipelines(self._redis, catalog.pipelines(), self._settings.batch_size),
            topics=self._busiest(),
        )

    def _busiest(self) -> list[TopicStatus]:
        found = (topic for name in catalog.PIPELINES for topic in pipeline_status.by_topic(self._redis, name))
        return nlargest(BUSIEST, (each for each in found if each.topic is not None), key=lambda each: each.rate)


def _sums(counted: Mapping[QueueMinute, Counts], minutes: int) -> dict[tuple[int, str], int]:
    """What was counted in each step, by the step's number."""
    found: dict[tuple[int, str], int] = {}
    for (_, minute), counts in counted.items():
        for what in SUMMED:
            if what in counts:
                found[minute // minutes, what] = found.get((minute // minutes, what), 0) + counts[what]
    return found


# --- depths: noted at the beginning of a minute, where anybody was there to note them ----------------------------

Depths = dict[int, int]
"""What waited in one queue, by the minute."""


def _depths(counted: Mapping[QueueMinute, Counts]) -> dict[str, Depths]:
    found: dict[str, Depths] = {}
    for (queue, minute), counts in counted.items():
        if "depth" in counts:
            found.setdefault(queue, {})[minute] = counts["depth"]
    return found


def _first(depths: Depths, begin: int, end: int) -> int | None:
    """The depth that was noted first from a minute on, before another."""
    return next((depths[minute] for minute in range(begin, end) if minute in depths), None)


def _arrived(counted: Mapping[QueueMinute, Counts], queue: str, depths: Depths, begin: int, end: int) -> int | None:
    """How many jobs came between the first and the last depth noted: what left, and what the depth rose by."""
    noted = [minute for minute in range(begin, end + 1) if minute in depths]
    if len(noted) < 2:
        return None
    counts = (counted.get((queue, minute), {}) for minute in range(noted[0], noted[-1]))
    gone = sum(each.get("taken", 0) + each.get("removed", 0) for each in counts)
    return max(0, gone + depths[noted[-1]] - depths[noted[0]])


def _sum(numbers: Iterable[int | None]) -> int | None:
    """Of those that are known; None where none is."""
    found = [number for number in numbers if number is not None]
    return sum(found) if found else None
