"""What was counted over hours, of some queues. Writes nothing.

Read in pipelines of bounded length: two days of a thousand queues are three million keys, so durations are asked only
of minutes in which something ran.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from redis import Redis

from qctl.broker.bookkeeping import counters
from qctl.broker.bookkeeping.counters import Counts, DurationHistograms
from qctl.broker.redis import keys, replies, untrusted_fields

AT_ONCE = 2000
"""Commands of one pipeline."""

Place = tuple[str, int]
"""A queue and a minute since 1970."""


def counts(connection: Redis, queues: Sequence[str], first: int, last: int) -> dict[Place, Counts]:
    """What was counted from one minute since 1970 to another, of these queues; nothing for minutes without counts."""
    hours = [(queue, hour) for queue in queues for hour in range(first // 60, last // 60 + 1)]
    raws = _hashes(connection, (keys.counts(queue, hour) for queue, hour in hours))
    return {
        (queue, 60 * hour + minute): counted
        for (queue, hour), raw in zip(hours, raws, strict=True)
        for minute, counted in counters.parse_hour(raw).items()
        if first <= 60 * hour + minute <= last
    }


def depths(connection: Redis, queues: Sequence[str], minutes: Sequence[int]) -> dict[str, dict[int, int]]:
    """How many waited when each of these minutes since 1970 began, by queue, where anybody noted that."""
    found: dict[str, dict[int, int]] = {}
    hours = sorted({minute // 60 for minute in minutes})
    asked = {hour: [minute for minute in minutes if minute // 60 == hour] for hour in hours}
    with connection.pipeline(transaction=False) as pipe:
        for queue in queues:
            for hour, within in asked.items():
                pipe.hmget(keys.counts(queue, hour), [f"{minute % 60}.depth" for minute in within])
        answers = iter(replies.execute(pipe))
    for queue in queues:
        for within in asked.values():
            noted = replies.granted(next(answers), [None] * len(within))
            for minute, raw in zip(within, noted, strict=True):
                depth = untrusted_fields.parse_count(raw)
                if depth is not None and depth >= 0:
                    found.setdefault(queue, {})[minute] = depth
    return found


def times(connection: Redis, counted: Mapping[Place, Counts]) -> Iterator[tuple[Place, DurationHistograms]]:
    """How long jobs took in each of these minutes in which any ended."""
    places = [place for place, each in counted.items() if each.get("finished") or each.get("failed")]
    raws = _hashes(connection, (keys.durations(*place) for place in places))
    for place, raw in zip(places, raws, strict=True):
        yield place, counters.parse_times([raw])


def _hashes(connection: Redis, names: Iterable[str]) -> Iterator[Mapping[bytes, bytes]]:
    wanted = list(names)
    for start in range(0, len(wanted), AT_ONCE):
        with connection.pipeline(transaction=False) as pipe:
            for name in wanted[start : start + AT_ONCE]:
                pipe.hgetall(name)
            for reply in replies.execute(pipe):
                yield replies.granted(reply, {})


def ever(connection: Redis) -> dict[str, dict[str, int]]:
    """What was counted since counting began, by queue."""
    with connection.pipeline(transaction=False) as pipe:
        pipe.hgetall(keys.TOTALS)
        totals = replies.granted(replies.execute(pipe)[0], {})
    found: dict[str, dict[str, int]] = {}
    for raw, value in totals.items():
        what, _, queue = untrusted_fields.decode(raw).partition(":")
        if what in counters.ALL_TIME_COUNTERS and value.isdigit():
            found.setdefault(queue, {})[what] = int(value)
    return found
