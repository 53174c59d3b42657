"""Deletes a queue: its name, its pause, its counts. Only a queue without jobs in any state can be deleted."""

from __future__ import annotations

from redis import Redis

from qctl.broker.bookkeeping import counters, events
from qctl.broker.query import job_locations
from qctl.broker.redis import clock, keys, relation_keys
from qctl.broker.redis.scripts import Script
from qctl.models import STATES

_delete_queue = Script("admin/delete_queue", after="redis/types")


def delete(connection: Redis, queue: str, *, actor: str) -> bool:
    """Delete a queue. Returns False, and changes nothing, if it has jobs."""
    locations = [
        *(job_locations.key(state, queue) for state in STATES),
        keys.intermediate(queue),
        relation_keys.ready(queue),
    ]
    hour = clock.now_ms(connection) // 3_600_000
    counts = [keys.counts(queue, hour - back) for back in range(counters.RETENTION_SECONDS // 3600 + 1)]
    records = [keys.claims(queue), keys.recoveries(queue), keys.causes(queue), keys.rejects(queue), *counts]
    return bool(
        _delete_queue(
            connection,
            queues=keys.QUEUES,
            pauses=keys.PAUSED,
            breakers=keys.BREAKERS,
            events=keys.EVENTS,
            locations=locations,
            records=records,
            queue=queue,
            queue_key=keys.queue(queue),
            actor=actor,
            max_events=events.MAX_ENTRIES,
        )
    )
