"""Finds when runs of jobs ended last, from the durations of the last two days. Writes nothing."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from redis import Redis

from qctl.broker.query import count_series

MINUTES_PER_READ = 200
"""Busy minutes whose durations are read at once, the newest first, until every name is found."""


def read(connection: Redis, queues: Sequence[str], names: Collection[str], at: float, seconds: float) -> dict[str, int]:
    """Return the last minute since 1970 in which a run of each of these names ended, within `seconds` before `at`.
    Names that did not run are left out."""
    last = int(at) // 60
    counted = count_series.counts(connection, queues, last - int(seconds) // 60, last)
    busy = sorted(counted, key=lambda place: -place[1])
    found: dict[str, int] = {}
    for start in range(0, len(busy), MINUTES_PER_READ):
        page = {place: counted[place] for place in busy[start : start + MINUTES_PER_READ]}
        for (_, minute), times in count_series.durations(connection, page):
            for name in (*times.runs, *times.failures):
                if name in names:
                    found[name] = max(found.get(name, 0), minute)
        if found.keys() >= set(names):
            break
    return found
