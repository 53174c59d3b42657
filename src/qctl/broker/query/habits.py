"""Usual values of queues and jobs, from the counts of the last days. Writes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from redis import Redis

from qctl.broker.bookkeeping.counters import Counts
from qctl.broker.query import count_series
from qctl.broker.query.count_series import QueueMinute
from qctl.histogram import Histogram

DAY_MINUTES = 24 * 60

MAX_QUEUES = 100
"""Queues whose habits are read; of further ones none is known."""

MAX_DURATION_MINUTES = 15
"""Busy minutes of a queue whose durations are read, evenly spread over the period."""


@dataclass(frozen=True)
class Habit:
    """A queue in the last minutes, and in the same hour of the last days.

    `recent` has the counts by minute since 1970. Of the days before: `failed_share` of its runs, `dead_per_minute`, and
    `wait`, the 99th percentile of waits (s); None if nothing ran.
    """

    recent: Mapping[int, Counts] = field(default_factory=dict)
    failed_share: float | None = None
    dead_per_minute: float | None = None
    wait: float | None = None

    def new_dead(self, last: int, minutes: int) -> int:
        """Count the dead letters of so many minutes before and with the minute `last`."""
        return sum(counts.get("dead", 0) for minute, counts in self.recent.items() if minute > last - minutes)

    def failing_since(self, share: float) -> int | None:
        """Return the first minute from which on every minute with runs had this share of failed ones, None if the last
        one had not."""
        began = None
        for minute in sorted(self.recent, reverse=True):
            failed, finished = self.recent[minute].get("failed", 0), self.recent[minute].get("finished", 0)
            if not failed + finished:
                continue
            if failed < share * (failed + finished):
                break
            began = minute
        return began


def read(connection: Redis, queues: Sequence[str], at: float, recent: int, around: int, days: int) -> dict[str, Habit]:
    """Return the habits of the first MAX_QUEUES of these queues, in at most two round trips and one for each day.

    `at` is the time (s since 1970); `recent` minutes are read before it, and `around` minutes of each of the `days`
    before. A day of which nothing is kept does not count.
    """
    chosen, last = list(queues)[:MAX_QUEUES], int(at) // 60
    if not chosen:
        return {}
    now = count_series.counts(connection, chosen, last - recent + 1, last)
    before: dict[QueueMinute, Counts] = {}
    for middle in (last - day * DAY_MINUTES for day in range(1, days + 1)):
        before.update(count_series.counts(connection, chosen, middle - around // 2, middle + around // 2))
    waits: dict[str, list[Histogram]] = {}
    for (queue, _), times in count_series.durations(connection, _spread(before)):
        waits.setdefault(queue, []).append(times.waits)
    return {
        queue: _habit(
            {minute: counts for (name, minute), counts in now.items() if name == queue},
            [counts for (name, _), counts in before.items() if name == queue],
            Histogram.merged(waits.get(queue, ())),
        )
        for queue in chosen
    }


def run_times(connection: Redis, queues: Iterable[str], at: float, hours: int) -> dict[tuple[str, str], Histogram]:
    """Return the durations of runs by queue and job name in the last hours, in at most two round trips."""
    chosen, last = sorted(set(queues))[:MAX_QUEUES], int(at) // 60
    if not chosen:
        return {}
    runs: dict[tuple[str, str], list[Histogram]] = {}
    counted = count_series.counts(connection, chosen, last - 60 * hours, last)
    for (queue, _), times in count_series.durations(connection, _spread(counted)):
        for name, histogram in times.runs.items():
            runs.setdefault((queue, name), []).append(histogram)
    return {key: Histogram.merged(histograms) for key, histograms in runs.items()}


def _spread(counted: Mapping[QueueMinute, Counts]) -> dict[QueueMinute, Counts]:
    """Return at most MAX_DURATION_MINUTES minutes of each queue in which a run ended."""
    busy: dict[str, list[int]] = {}
    for queue, minute in sorted(counted):
        if counted[queue, minute].get("finished") or counted[queue, minute].get("failed"):
            busy.setdefault(queue, []).append(minute)
    return {
        (queue, minute): counted[queue, minute]
        for queue, minutes in busy.items()
        for minute in minutes[:: -(-len(minutes) // MAX_DURATION_MINUTES)]
    }


def _habit(recent: Mapping[int, Counts], before: Sequence[Counts], waits: Histogram) -> Habit:
    failed = sum(counts.get("failed", 0) for counts in before)
    runs = failed + sum(counts.get("finished", 0) for counts in before)
    if not runs:
        return Habit(recent)
    dead = sum(counts.get("dead", 0) for counts in before)
    return Habit(recent, failed / runs, dead / len(before), waits.percentile(99))
