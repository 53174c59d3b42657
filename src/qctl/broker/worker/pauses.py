"""Pauses queues: sets the flag that claims check, and waits until jobs that were claimed before have started.

A pause of `email` pauses its lanes too. One with a duration ends by itself, by Redis's clock.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from redis import Redis

from qctl import catalog
from qctl.broker.bookkeeping import events
from qctl.broker.redis import clock, keys, replication, replies
from qctl.broker.redis.scripts import Script
from qctl.broker.worker import current_pauses
from qctl.broker.worker.claim_request import claimed_at
from qctl.errors import WaitTimeoutError
from qctl.models import Pause

_pause = Script("worker/pause", after="redis/types")
_resume = Script("worker/resume", after="redis/types")

POLL_SECONDS = 0.005
"""Time (s) between checks of claims that have not started yet; they do within a few milliseconds."""

REPLY_SECONDS = 0.05
"""Time (s) allowed for a claim's reply to reach its worker: a fast-path job is started before, and begins then."""


@dataclass(frozen=True)
class PausedQueue:
    """A queue that is paused now. `claims` are the queue and id of jobs that were claimed before."""

    pause: Pause
    changed: bool
    claims: list[tuple[str, str]]


def pause(connection: Redis, queue: str, *, actor: str, reason: str = "", seconds: float | None = None) -> PausedQueue:
    """Pause a queue, for `seconds` or until it is resumed. From now on nobody claims from it."""
    names = catalog.lanes(queue)
    reply = replication.run(
        connection,
        _pause,
        pauses=keys.PAUSED,
        events=keys.EVENTS,
        lanes=[keys.intermediate(name) for name in names],
        queue=queue,
        actor=actor,
        reason=reason,
        duration_ms=round((seconds or 0) * 1000),
        max_events=events.MAX_ENTRIES,
    )
    changed, raw, *claimed = replies.array(reply)
    claims = [
        (name, id_.decode(errors="surrogateescape"))
        for name, ids in zip(names, map(replies.bytes_list, claimed), strict=True)
        for id_ in ids
    ]
    return PausedQueue(current_pauses.parse_one(queue, replies.optional_bytes(raw) or b""), bool(changed), claims)


def wait_for_claims(connection: Redis, paused: PausedQueue, timeout: float) -> float:
    """Wait until every job that was claimed before has started or gone back. Returns the seconds that it took.

    Raises WaitTimeoutError with the jobs that have not. The queue stays paused all the same, and nothing else starts.
    """
    began_at = time.monotonic()
    left = paused.claims
    while left := [claim for claim in left if is_unstarted(connection, *claim)]:
        if time.monotonic() - began_at > timeout:
            ids = ", ".join(id_ for _, id_ in left[:5])
            raise WaitTimeoutError(
                f"{paused.pause.queue} is paused, but {len(left)} claimed before it may still start: {ids}",
                hint="list workers with: qctl worker list; if a dead one claimed them: qctl doctor --repair",
            )
        time.sleep(POLL_SECONDS)
    queues = catalog.lanes(paused.pause.queue)
    while time.monotonic() - began_at < min(REPLY_SECONDS, timeout) and _has_new_claims(connection, queues):
        time.sleep(POLL_SECONDS)
    return time.monotonic() - began_at


def _has_new_claims(connection: Redis, queues: Sequence[str]) -> bool:
    """Tell whether there is a claim whose reply may not have reached its worker yet."""
    with connection.pipeline(transaction=False) as pipe:
        pipe.time()
        for queue in queues:
            pipe.hvals(keys.claims(queue))
        now, *by_queue = replies.execute(pipe)
    since = clock.reply_ms(now) * 1000 - REPLY_SECONDS * 1_000_000
    return any(claimed_at(claim) > since for claims in by_queue for claim in replies.bytes_list(claims))


def resume(connection: Redis, queue: str, *, actor: str) -> bool:
    """Resume a queue. False if it was not paused."""
    return _remove(connection, queue, actor=actor)


def end_expired(connection: Redis) -> list[str]:
    """Remove pauses whose time is over, which claims ignore anyway, with their event. Returns the queues."""
    ended = []
    for field in replies.bytes_list(connection.hkeys(keys.PAUSED)):
        if _remove(connection, field, actor="time", only="ended"):
            ended.append(field.decode(errors="surrogateescape"))
    return ended


def _remove(connection: Redis, queue: str | bytes, *, actor: str, only: str = "") -> bool:
    return bool(
        replication.run(
            connection,
            _resume,
            pauses=keys.PAUSED,
            breakers=keys.BREAKERS,
            events=keys.EVENTS,
            queue=queue,
            actor=actor,
            max_events=events.MAX_ENTRIES,
            only=only,
        )
    )


def is_unstarted(connection: Redis, queue: str, job_id: str) -> bool:
    """Tell whether a claimed job has neither started nor gone back.

    A stock worker of several queues leaves the id in the intermediate list after the start, so the status decides. One
    of ours leaves a prefetched job there, marked as started, until it begins. A claim without a live lease belongs to
    a dead worker and goes back by recovery.
    """
    with connection.pipeline() as pipe:
        pipe.lpos(keys.intermediate(queue), job_id)
        pipe.hmget(keys.job(job_id), "status", "worker_name")
        pipe.hget(keys.claims(queue), job_id)
        pipe.time()
        place, job, claim, now = pipe.execute(raise_on_error=False)
        status, worker = job if isinstance(job, list) else (None, None)
        claimant = claim.rpartition(b"|")[0] if claim else None
        if place is None or not (status == b"queued" or (status == b"started" and claimant and worker == claimant)):
            return False
        if claimant is None:
            # This worker does not claim by qctl's script; `qctl pause` has warned about it.
            return True
        lease = connection.zscore(keys.LEASES, claimant)
    return lease is not None and lease > now[0] * 1000 + now[1] // 1000
