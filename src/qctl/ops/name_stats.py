"""Statistics of jobs by name: waiting jobs from a sample, runs from the counters of qctl's workers."""

from __future__ import annotations

import time
from collections.abc import Sequence

from qctl.broker.bookkeeping.counters import RETENTION_SECONDS, DurationHistograms
from qctl.broker.query import count_series, job_name_sample, stats_snapshot
from qctl.broker.redis import clock
from qctl.broker.redis.connection import Connection
from qctl.errors import UsageError
from qctl.histogram import Histogram
from qctl.models import Names, NameStats
from qctl.ops.selection import select_families


def read(connection: Connection, queues: Sequence[str], seconds: float) -> Names:
    """Count the jobs of these queues by name. Raises the errors of `StatsOps.names`."""
    if not 60 <= seconds <= RETENTION_SECONDS:
        raise UsageError(f"period {seconds:g} s is not between one minute and two days")
    chosen = select_families(queues, stats_snapshot.queue_names(connection))
    last = int(time.time()) // 60
    counted = count_series.counts(connection, chosen, last - int(seconds) // 60 + 1, last)
    ran: dict[str, list[DurationHistograms]] = {queue: [] for queue in chosen}
    for (queue, _), times in count_series.durations(connection, counted):
        ran[queue].append(times)
    samples = {queue: job_name_sample.sample_waiting(connection, queue) for queue in chosen}
    return Names(
        at=clock.to_datetime(clock.now_ms(connection)),
        seconds=seconds,
        jobs=[job for queue in chosen for job in _by_name(queue, ran[queue], samples[queue].names)],
        sampled=sum(sample.seen for sample in samples.values()),
        waiting=sum(sample.waiting for sample in samples.values()),
    )


def _by_name(queue: str, ran: Sequence[DurationHistograms], waiting: dict[str, int]) -> list[NameStats]:
    """Return the jobs of one queue, the busiest first."""
    jobs = []
    for name in {*waiting, *(name for times in ran for name in (*times.runs, *times.failures))}:
        good = Histogram.merged(times.runs.get(name, Histogram()) for times in ran)
        bad = Histogram.merged(times.failures.get(name, Histogram()) for times in ran)
        jobs.append(NameStats(queue, name, waiting.get(name, 0), good.count, bad.count, good + bad))
    return sorted(jobs, key=lambda job: (-(job.finished + job.failed + job.waiting), job.name))
