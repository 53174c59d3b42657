"""Holding queues: a flag that claims look at, and the wait until what was claimed before has started.

A pause of `email` holds its lanes too. `--for` ends by itself: whoever looks compares with Redis's clock.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone

from redis import Redis

from qctl import catalog
from qctl.broker.bookkeeping import events
from qctl.broker.redis import clock, keys, replies
from qctl.broker.redis.scripts import Script
from qctl.broker.worker.claim_request import claimed_at
from qctl.errors import WaitTimeoutError
from qctl.models import Pause

_pause = Script("worker/pause", after="redis/types")
_resume = Script("worker/resume", after="redis/types")

POLL = 0.005
"""Seconds between looks at claims that have not started yet; they do within a few milliseconds."""

HEARD = 0.05
"""Seconds that a worker has to hear of its claim: a plain job is started with that, and begins a moment later."""


@dataclass(frozen=True)
class Held:
    """A queue that is held now. `claims` are (queue, id) that were claimed before it held."""

    pause: Pause
    changed: bool
    claims: list[tuple[str, str]]


def parse(raw: Mapping[bytes, bytes], now_ms: int) -> dict[str, Pause]:
    """The pauses in HGETALL of `keys.PAUSED` that hold at `now_ms`. One that cannot be read holds for ever."""
    found = {}
    for field, value in raw.items():
        queue = field.decode(errors="surrogateescape")
        pause = _read(queue, value)
        if pause.until is None or pause.until.timestamp() * 1000 > now_ms:
            found[queue] = pause
    return found


def of(pauses: Mapping[str, Pause], queue: str) -> Pause | None:
    """The pause that holds this queue: its own, or its family's."""
    return pauses.get(queue) or pauses.get(catalog.base_queue(queue))


def hold(connection: Redis, queue: str, *, actor: str, reason: str = "", seconds: float | None = None) -> Held:
    """Hold a queue, for `seconds` or until somebody resumes it. From now on nobody claims from it."""
    names = catalog.lanes(queue)
    reply = _pause(
        connection,
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
    return Held(_read(queue, replies.optional_bytes(raw) or b""), bool(changed), claims)


def settle(connection: Redis, held: Held, timeout: float) -> float:
    """Wait until every job that was claimed before has started or gone back. Returns the seconds it took.

    Raises WaitTimeoutError naming what has not. The queue stays held all the same, and nothing else starts.
    """
    began = time.monotonic()
    left = held.claims
    while left := [claim for claim in left if unstarted(connection, *claim)]:
        if time.monotonic() - began > timeout:
            ids = ", ".join(id_ for _, id_ in left[:5])
            raise WaitTimeoutError(
                f"{held.pause.queue} is paused, but {len(left)} claimed before it may still start: {ids}",
                hint="qctl worker list",
            )
        time.sleep(POLL)
    queues = catalog.lanes(held.pause.queue)
    while time.monotonic() - began < min(HEARD, timeout) and _is_news(connection, queues):
        time.sleep(POLL)
    return time.monotonic() - began


def _is_news(connection: Redis, queues: Sequence[str]) -> bool:
    """Whether the worker of a claim may not have heard of it yet."""
    with connection.pipeline(transaction=False) as pipe:
        pipe.time()
        for queue in queues:
            pipe.hvals(keys.claims(queue))
        now, *held = replies.execute(pipe)
    since = clock.reply_ms(now) * 1000 - HEARD * 1_000_000
    return any(claimed_at(claim) > since for claims in held for claim in replies.bytes_list(claims))


def release(connection: Redis, queue: str, *, actor: str) -> bool:
    """Let a queue go on. False where it was not held."""
    return _remove(connection, queue, actor=actor)


def end_expired(connection: Redis) -> list[str]:
    """Remove pauses whose time is over, with their event. Claims pass them over anyway. Returns the queues."""
    ended = []
    for field in replies.bytes_list(connection.hkeys(keys.PAUSED)):
        if _remove(connection, field, actor="time", only="ended"):
            ended.append(field.decode(errors="surrogateescape"))
    return ended


def _remove(connection: Redis, queue: str | bytes, *, actor: str, only: str = "") -> bool:
    return bool(
        _resume(
            connection,
            pauses=keys.PAUSED,
            breakers=keys.BREAKERS,
            events=keys.EVENTS,
            queue=queue,
            actor=actor,
            max_events=events.MAX_ENTRIES,
            only=only,
        )
    )


def unstarted(connection: Redis, queue: str, job_id: str) -> bool:
    """Whether a claimed job has neither started nor gone back.

    A stock worker of several queues leaves the id in the intermediate list after the start: the status tells. One of
    ours leaves it there while the job waits, marked as started, for one that was started together with it. A claim
    without a live lease belongs to a dead worker and goes back by recovery.
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
            # A worker that does not claim by our script, of which `pause` has warned.
            return True
        lease = connection.zscore(keys.LEASES, claimant)
    return lease is not None and lease > now[0] * 1000 + now[1] // 1000


def _read(queue: str, raw: bytes) -> Pause:
    try:
        data = json.loads(raw)
        return Pause(
            queue=queue,
            by=str(data["by"]),
            at=_when(data["at"]),
            reason=str(data["reason"]),
            until=_when(data["until"]) if data.get("until") is not None else None,
        )
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, OSError):
        return Pause(queue, by="?", at=_when(0), reason="the pause cannot be read; resume removes it")


def _when(ms: float) -> datetime:
    return datetime.fromtimestamp(ms / 1000, timezone.utc)
