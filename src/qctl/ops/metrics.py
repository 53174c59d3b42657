"""Metrics: a series of steps over time, and all current values for a monitoring system."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from heapq import nlargest

from qctl import catalog
from qctl.broker.bookkeeping import counters, marks, pools
from qctl.broker.bookkeeping.counters import RETENTION_SECONDS, Counts
from qctl.broker.producer import owner_limits
from qctl.broker.query import count_series, pipeline_status, server_vitals, stats_snapshot, workers
from qctl.broker.query.count_series import QueueMinute
from qctl.broker.redis import clock
from qctl.errors import UsageError
from qctl.histogram import Histogram
from qctl.models import Metrics, Series, Step, TopicStatus, marks_between
from qctl.ops import run_pace
from qctl.ops.base import Part
from qctl.ops.selection import select_families

MAX_STEPS = 2000

MAX_EXPORTED_TOPICS = 100
"""Limit of topics that are exported by name, because each becomes a time series of its own."""

SUMMED_COUNTS = ("taken", "finished", "failed", "dead", "retried")
"""Counts per minute that are added up over a step."""


class MetricsOps(Part, name="metrics"):
    """Metrics, for `qctl metrics`. Only jobs run by qctl's workers are measured."""

    def series(self, queues: Sequence[str] = (), *, seconds: float = 3600.0, step: float = 300.0) -> Series:
        """Return the sums of these queues (names or patterns, default: all) over the last `seconds`, in steps of whole
        minutes that start at multiples of their length. Raises UsageError and NotFoundError."""
        minutes = math.ceil(step / 60)
        if not 60 <= seconds <= RETENTION_SECONDS:
            raise UsageError(f"period {seconds:g} s is not between one minute and two days")
        if not 1 <= minutes <= RETENTION_SECONDS // 60 or seconds / 60 / minutes > MAX_STEPS:
            raise UsageError(
                f"step {step:g} s is not between one minute and two days, or makes more than {MAX_STEPS} steps"
            )
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
                    arrived=_sum(_arrived(counted, queue, depth, begin, end) for queue, depth in depths.items()),
                    depth=_sum(_first(depth, begin, end) for depth in depths.values()),
                    waits=Histogram.merged(waits.get(number, ())),
                    runs=Histogram.merged(runs.get(number, ())),
                    **{name: sums.get((number, name), 0) for name in SUMMED_COUNTS},
                )
            )
        shown = marks_between(marks.read(self._redis), steps[0].at, len(steps) * minutes * 60.0)
        return Series(chosen, minutes * 60.0, steps, shown)

    def depths(self, minutes: int = 12) -> dict[str, dict[int, int]]:
        """Return the depth of each queue at the start of each of the last `minutes`, by queue and minute since 1970.
        Minutes without a record are missing."""
        last = int(time.time()) // 60
        return count_series.depths(
            self._redis, stats_snapshot.queue_names(self._redis), range(last - minutes + 1, last + 1)
        )

    def read(self) -> Metrics:
        """Return all current values of the queues and pipelines that this site uses."""
        ping = server_vitals.ping(self._redis, "")
        vitals = server_vitals.read(self._redis, [])
        stats = stats_snapshot.stats(self._redis)
        pipelines = pipeline_status.pipelines(self._redis, catalog.pipelines(), self._settings.batch_size)
        return Metrics(
            stats=replace(stats, queues=[queue for queue in stats.queues if not queue.unused]),
            ever=count_series.totals(self._redis),
            workers=run_pace.with_pace(self._redis, workers.living(self._redis), clock.now_ms(self._redis) / 1000),
            pools=pools.read(self._redis),
            refused=sum(owner_limits.rejection_counts(self._redis).values()),
            rtt=ping.rtt,
            memory=vitals.memory.used if vitals.memory else None,
            memory_limit=vitals.memory.limit if vitals.memory else None,
            pipelines=[pipeline for pipeline in pipelines if pipeline.is_used],
            topics=self._busiest(),
        )

    def reset(self) -> None:
        """Set the counts since counting began, and those of refused jobs, to zero."""
        with self._redis.pipeline() as pipe:
            counters.reset_totals(pipe)
            owner_limits.reset_rejection_counts(pipe)
            pipe.execute()

    def _busiest(self) -> list[TopicStatus]:
        topics = (topic for name in catalog.PIPELINES for topic in pipeline_status.by_topic(self._redis, name))
        return nlargest(
            MAX_EXPORTED_TOPICS, (topic for topic in topics if topic.topic is not None), key=lambda topic: topic.rate
        )


def _sums(counted: Mapping[QueueMinute, Counts], minutes: int) -> dict[tuple[int, str], int]:
    """Return the sum of each count in each step, by the number of the step and the name of the count."""
    sums: dict[tuple[int, str], int] = {}
    for (_, minute), counts in counted.items():
        for name in SUMMED_COUNTS:
            if name in counts:
                sums[minute // minutes, name] = sums.get((minute // minutes, name), 0) + counts[name]
    return sums


# --- depths: recorded at the start of a minute by any running worker or scheduler ------------------------------

Depths = dict[int, int]
"""Waiting jobs of one queue, by minute."""


def _depths(counted: Mapping[QueueMinute, Counts]) -> dict[str, Depths]:
    depths: dict[str, Depths] = {}
    for (queue, minute), counts in counted.items():
        if "depth" in counts:
            depths.setdefault(queue, {})[minute] = counts["depth"]
    return depths


def _first(depths: Depths, begin: int, end: int) -> int | None:
    """Return the first recorded depth from minute `begin` on, before minute `end`."""
    return next((depths[minute] for minute in range(begin, end) if minute in depths), None)


def _arrived(counted: Mapping[QueueMinute, Counts], queue: str, depths: Depths, begin: int, end: int) -> int | None:
    """Count the jobs that arrived between the first and the last recorded depth: those that left, plus the rise."""
    recorded = [minute for minute in range(begin, end + 1) if minute in depths]
    if len(recorded) < 2:
        return None
    counts = (counted.get((queue, minute), {}) for minute in range(recorded[0], recorded[-1]))
    left = sum(count.get("taken", 0) + count.get("removed", 0) for count in counts)
    return max(0, left + depths[recorded[-1]] - depths[recorded[0]])


def _sum(numbers: Iterable[int | None]) -> int | None:
    """Sum up the known numbers. None if none is known."""
    known = [number for number in numbers if number is not None]
    return sum(known) if known else None
