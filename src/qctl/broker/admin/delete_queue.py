"""Forgetting a queue: its name, its pause, its counts. Only where it holds no job of any state."""

from __future__ import annotations

from redis import Redis

from qctl.broker.bookkeeping import counters, events
from qctl.broker.query import job_locations
from qctl.broker.redis import clock, keys
from qctl.broker.redis.scripts import Script
from qctl.models import STATES

_remove = Script("admin/remove", after="redis/types")


def remove(connection: Redis, queue: str, *, actor: str) -> bool:
    """Forget a queue. False where it holds jobs: nothing was changed then."""
    held = [*(job_locations.key(state, queue) for state in STATES), keys.intermediate(queue)]
    hour = clock.now_ms(connection) // 3_600_000
    counted = [keys.counts(queue, hour - back) for back in range(counters.RETENTION_SECONDS // 3600 + 1)]
    kept = [keys.claims(queue), keys.recoveries(queue), keys.causes(queue), *counted]
    return bool(
        _remove(
            connection,
            [keys.QUEUES, keys.PAUSED, keys.BREAKERS, keys.EVENTS, *held, *kept],
            [queue, keys.queue(queue), len(held), actor, events.MAX_ENTRIES],
        )
    )
