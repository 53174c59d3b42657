"""Counts and durations of queues over time. Writes nothing.

Pipelines have a limited length: two days of a thousand queues are three million keys, so durations are read only for
minutes in which a job ended.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from redis import Redis

from qctl.broker.bookkeeping import counters
from qctl.broker.bookkeeping.counters import Counts, DurationHistograms
from qctl.broker.redis import keys, replies, untrusted_fields

COMMANDS_PER_PIPELINE = 2000

QueueMinute = tuple[str, int]
"""A queue and a minute since 1970."""


def counts(connection: Redis, queues: Sequence[str], first: int, last: int) -> dict[QueueMinute, Counts]:
    """Return the counts of these queues from one minute since 1970 to another; minutes without counts are left out."""
    hours = [(queue, hour) for queue in queues for hour in range(first // 60, last // 60 + 1)]
    hashes = _hashes(connection, (keys.counts(queue, hour) for queue, hour in hours))
    return {
        (queue, 60 * hour + minute): counted
        for (queue, hour), raw in zip(hours, hashes, strict=True)
        for minute, counted in counters.parse_hour(raw).items()
        if first <= 60 * hour + minute <= last
    }


def depths(connection: Redis, queues: Sequence[str], minutes: Sequence[int]) -> dict[str, dict[int, int]]:
    """Return the recorded depths of queues at the beginning of these minutes since 1970."""
    depths_by_queue: dict[str, dict[int, int]] = {}
    hours = sorted({minute // 60 for minute in minutes})
    minutes_of = {hour: [minute for minute in minutes if minute // 60 == hour] for hour in hours}
    with connection.pipeline(transaction=False) as pipe:
        for queue in queues:
            for hour, within in minutes_of.items():
                pipe.hmget(keys.counts(queue, hour), [f"{minute % 60}.depth" for minute in within])
        answers = iter(replies.execute(pipe))
    for queue in queues:
        for within in minutes_of.values():
            recorded = replies.field_values(next(answers), len(within))
            for minute, raw in zip(within, recorded, strict=True):
                depth = untrusted_fields.parse_count(raw)
                if depth is not None and depth >= 0:
                    depths_by_queue.setdefault(queue, {})[minute] = depth
    return depths_by_queue


def durations(
    connection: Redis, counted: Mapping[QueueMinute, Counts]
) -> Iterator[tuple[QueueMinute, DurationHistograms]]:
    """Yield the durations of jobs in each of these minutes in which one ended."""
    busy = [minute for minute, number in counted.items() if number.get("finished") or number.get("failed")]
    hashes = _hashes(connection, (keys.durations(*minute) for minute in busy))
    for minute, raw in zip(busy, hashes, strict=True):
        yield minute, counters.parse_times([raw])


def _hashes(connection: Redis, names: Iterable[str]) -> Iterator[dict[bytes, bytes]]:
    wanted = list(names)
    for start in range(0, len(wanted), COMMANDS_PER_PIPELINE):
        with connection.pipeline(transaction=False) as pipe:
            for name in wanted[start : start + COMMANDS_PER_PIPELINE]:
                pipe.hgetall(name)
            yield from map(replies.bytes_dict, replies.execute(pipe))


def totals(connection: Redis) -> dict[str, dict[str, int]]:
    """Return the counts since counting began, by queue."""
    with connection.pipeline(transaction=False) as pipe:
        pipe.hgetall(keys.TOTALS)
        raw_totals = replies.bytes_dict(replies.execute(pipe)[0])
    totals_by_queue: dict[str, dict[str, int]] = {}
    for raw, value in raw_totals.items():
        name, _, queue = untrusted_fields.decode(raw).partition(":")
        if name in counters.ALL_TIME_COUNTERS and value.isdigit():
            totals_by_queue.setdefault(queue, {})[name] = int(value)
    return totals_by_queue
