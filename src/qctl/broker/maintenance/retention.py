"""What goes by itself when it is old or too much: finished jobs, and dead letters where the settings say so."""

from __future__ import annotations

from redis import Redis

from qctl.broker.admin import bulk, cleanup, trash
from qctl.broker.admin.move_jobs import Discard
from qctl.broker.query import dead_letters, stats_snapshot
from qctl.broker.redis import clock, keys, untrusted_fields
from qctl.models import ChosenJobs, Selection, State

MAX_JOBS_PER_ROUND = 200
"""Jobs of a queue that go in a round of housekeeping: some 2 ms."""


def delete_finished(connection: Redis, queue: str, *, most: int) -> None:
    """Forget finished jobs of a queue whose time is over, and the oldest of those that are more than `most`."""
    where, for_ever = keys.finished(queue), "(+inf"
    connection.zremrangebyscore(where, 0, clock.now_ms(connection) // 1000)
    over = int(connection.zcount(where, 0, for_ever)) - most
    if over > 0:
        ids = connection.zrangebyscore(where, 0, for_ever, start=0, num=min(over, MAX_JOBS_PER_ROUND))
        cleanup.delete_finished(connection, queue, ids, lambda _done, _total: None)


def trash_old_dead_letters(connection: Redis, *, seconds: int, ttl: int) -> int:
    """Move dead letters to the trash that died more than `seconds` ago, the oldest first, 200 at once.

    The trash keeps them for `ttl` seconds. Returns how many.
    """
    before = clock.now_ms(connection) - seconds * 1000
    by_place: dict[tuple[str, State], list[bytes]] = {}
    for place in dead_letters.oldest(connection, stats_snapshot.queue_names(connection), MAX_JOBS_PER_ROUND):
        if 0 < place.died < before:
            by_place.setdefault((place.queue, place.state), []).append(untrusted_fields.encode(place.id))
    if not by_place:
        return 0
    chosen = Selection([ChosenJobs(queue, state, ids) for (queue, state), ids in by_place.items()])
    batch = trash.Batch(connection, "cleanup failed", actor="time", ttl=ttl)
    return bulk.run(connection, chosen, Discard("time", batch), progress=lambda _done, _total: None).done
