"""Limits per owner: jobs created in a minute, and jobs that wait or run at the same time.

`enqueue.lua` checks both by Redis's clock in the step that creates jobs. The second limit is not a counter: when it is
reached, the script reads the states of the owner's jobs, so a job makes room however it ends.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from redis import Redis
from redis.client import Pipeline

from qctl.broker.redis import keys, replies
from qctl.errors import RateLimitedError

WINDOW_SECONDS = 60
"""Length (s) of the sliding window for created jobs (docs/compatibility.md)."""

OWNER_TTL_SECONDS = 30 * 86_400
"""Time (s) after an owner's last job when the list of the owner's jobs expires."""

MAX_OWNED_JOBS = 10_000
"""Maximum jobs in an owner's list, about 1 MB. The oldest are dropped from the list."""

PENDING_STATUSES = frozenset((b"queued", b"started", b"scheduled", b"deferred", b"rate_limited", b"ready_to_enqueue"))
"""Statuses of RQ that count as active, in `enqueue.lua` too."""


@dataclass(frozen=True)
class OwnerLimits:
    """Maximum jobs created in any 60 s (`per_minute`), and jobs that wait or run (`active`). 0 means no limit."""

    per_minute: int = 0
    active: int = 0

    def error_from_reply(self, reply: Sequence[Any]) -> RateLimitedError:
        """The error for a rejection by `enqueue.lua`. Its wording is public (docs/compatibility.md)."""
        if reply[0] == b"active":
            return RateLimitedError(f"Rate limit exceeded. Maximum {self.active} active jobs allowed.")
        seconds = max(1, math.ceil(int(reply[1]) / 1000))
        return RateLimitedError(
            f"Maximum {self.per_minute} job creation attempts per minute. Try again in {seconds} seconds.",
            retry_after=seconds,
        )


def check(connection: Redis, owner: str, limits: OwnerLimits) -> None:
    """Raise RateLimitedError if `enqueue.lua` would reject a job of the owner now. Reads only.

    It saves work that would be for nothing; the limit itself is kept by the script.
    """
    seconds, micros = connection.time()
    now = seconds * 1000 + micros // 1000
    if limits.per_minute:
        times = connection.zrangebyscore(
            keys.owner_created(owner), f"({now - WINDOW_SECONDS * 1000}", "+inf", withscores=True
        )
        if len(times) >= limits.per_minute:
            oldest = times[len(times) - limits.per_minute][1]
            raise limits.error_from_reply([b"rate", max(1, int(oldest) + WINDOW_SECONDS * 1000 - now)])
    if limits.active and connection.scard(keys.owner_active(owner)) >= limits.active:
        ids = replies.bytes_set(connection.smembers(keys.owner_active(owner)))
        with connection.pipeline(transaction=False) as pipe:
            for id_ in ids:
                pipe.hget(keys.job(id_.decode()), "status")
            statuses = pipe.execute(raise_on_error=False)
        if sum(status in PENDING_STATUSES for status in statuses) >= limits.active:
            raise limits.error_from_reply([b"active"])


def reset_rejection_counts(pipe: Pipeline) -> None:
    """Set the counts of rejected jobs to zero."""
    pipe.delete(keys.LIMIT_REJECTIONS)


def rejection_counts(connection: Redis) -> dict[str, int]:
    """Jobs rejected since counting began, by limit: `rate` (created per minute), `active` (at the same time) and
    `memory` (a budget)."""
    counts = connection.hgetall(keys.LIMIT_REJECTIONS)
    return {limit: int(counts.get(limit.encode(), 0)) for limit in ("rate", "active", "memory")}
