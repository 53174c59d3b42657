"""Retention: deletes old finished jobs, and moves old dead letters to the trash if the settings say so."""

from __future__ import annotations

from redis import Redis

from qctl.broker.admin import bulk, cleanup, trash
from qctl.broker.admin.move_jobs import Discard
from qctl.broker.query import dead_letters, stats_snapshot
from qctl.broker.redis import clock, keys, replies, untrusted_fields
from qctl.models import ChosenJobs, Selection, State

MAX_JOBS_PER_ROUND = 200
"""Maximum jobs of a queue that one round of housekeeping deletes, in about 2 ms. The rest follow in later rounds."""


def delete_finished(connection: Redis, queue: str, *, max_jobs: int) -> None:
    """Delete finished jobs of a queue that have expired, and the oldest if more than `max_jobs` are left."""
    registry, latest = keys.finished(queue), "(+inf"
    connection.zremrangebyscore(registry, 0, clock.now_ms(connection) // 1000)
    excess = int(connection.zcount(registry, 0, latest)) - max_jobs
    if excess > 0:
        ids = connection.zrangebyscore(registry, 0, latest, start=0, num=min(excess, MAX_JOBS_PER_ROUND))
        cleanup.delete_finished(connection, queue, replies.bytes_list(ids), lambda _done, _total: None, actor="time")


def delete_expired_dead_letters(connection: Redis, queue: str) -> None:
    """Delete the entries of dead letters whose time to live is over; Redis has deleted their data."""
    connection.zremrangebyscore(keys.failed(queue), 0, clock.now_ms(connection) // 1000)


def trash_old_dead_letters(connection: Redis, *, seconds: int, ttl: int) -> int:
    """Move dead letters that died more than `seconds` ago to the trash, the oldest first, at most 200.

    The trash keeps them for `ttl` seconds. Returns their number.
    """
    before = clock.now_ms(connection) - seconds * 1000
    by_queue_and_state: dict[tuple[str, State], list[bytes]] = {}
    for letter in dead_letters.oldest(connection, stats_snapshot.queue_names(connection), MAX_JOBS_PER_ROUND):
        if 0 < letter.died < before:
            by_queue_and_state.setdefault((letter.queue, letter.state), []).append(untrusted_fields.encode(letter.id))
    if not by_queue_and_state:
        return 0
    chosen = Selection([ChosenJobs(queue, state, ids) for (queue, state), ids in by_queue_and_state.items()])
    batch = trash.Batch(connection, "cleanup failed", actor="time", ttl=ttl)
    result = bulk.run(connection, chosen, Discard("time", batch), progress=lambda _done, _total: None)
    batch.end(connection)
    return result.done
