"""Reads what the queues of a pool hold, to decide its size. Writes nothing."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from redis import Redis

from qctl.broker.query import stats_snapshot
from qctl.histogram import Histogram


class QueueDemand(NamedTuple):
    """Sums over the queues: see `qctl.pool.autoscale.Demand`. Jobs that no further worker could start do not count:
    those of a paused queue, and those that wait in a queue with a limit."""

    waiting: int
    running: int
    oldest: float | None
    arrivals: float | None
    run: float | None
    others: int


def read(connection: Redis, queues: Collection[str], own_prefixes: Collection[str]) -> QueueDemand:
    """Return the demand on these queues. Workers whose names begin with `own_prefixes` are the pool's own."""
    rows = [row for row in stats_snapshot.stats(connection, only=set(queues)).queues if row.error is None]
    free = [row for row in rows if row.paused is None and not row.limit]
    listeners = {name for row in rows for name in row.listeners}
    rates = [row.in_rate for row in free if row.in_rate is not None]
    return QueueDemand(
        waiting=sum(row.waiting for row in free),
        running=sum(row.running for row in rows),
        oldest=max((row.oldest_age for row in free if row.oldest_age is not None and row.waiting), default=None),
        arrivals=sum(rates) if rates else None,
        run=Histogram.merged(row.runs for row in rows).mean(),
        others=sum(not name.startswith(tuple(own_prefixes)) for name in listeners),
    )
