"""GraphQL types of what bounds and moves work: limits and pools. Text from Redis is escaped everywhere."""

from __future__ import annotations

from datetime import datetime
from enum import Enum

import strawberry

from qctl import models
from qctl.safe import escape_line


@strawberry.enum(description="What a limit is of: a queue with its lanes, jobs of a name, or jobs of an owner.")
class LimitScope(Enum):
    QUEUE = "queue"
    JOB = "job"
    OWNER = "owner"


@strawberry.type(
    description="`rate` jobs may start in any `perSeconds`, and `concurrency` of them run at once; null: no such "
    "limit. None starts in the windows of `blackout`. `started` in the last `perSeconds`, and `running` now; "
    "`reached`: none may start at the moment."
)
class Limit:
    scope: LimitScope
    name: str
    rate: int | None
    per_seconds: float | None
    concurrency: int | None
    blackout: str
    timezone: str
    started: int
    running: int
    reached: bool
    by: str
    reason: str
    until: datetime | None
    next_blackout: datetime | None

    @classmethod
    def of(cls, limit: models.Limit) -> Limit:
        """Convert a limit."""
        return cls(
            scope=LimitScope(limit.scope),
            name=escape_line(limit.name),
            rate=limit.rate,
            per_seconds=None if limit.rate is None else limit.seconds,
            concurrency=limit.concurrency,
            blackout=escape_line(limit.blackout),
            timezone=escape_line(limit.zone),
            started=limit.started,
            running=limit.running,
            reached=limit.is_reached,
            by=escape_line(limit.by),
            reason=escape_line(limit.reason),
            until=limit.until,
            next_blackout=limit.next_blackout,
        )


@strawberry.type(
    description="A daemon of several processes. `size`: processes that it wants, `running` those that run, `bounds` "
    "and `requested` as `4` or `1..4`; `reason` tells why it has this size if it scales by itself."
)
class Pool:
    name: str
    host: str
    queues: list[str]
    size: int
    running: int
    bounds: str
    requested: str | None
    requested_by: str
    reason: str
    ends: int

    @classmethod
    def of(cls, pool: models.Pool) -> Pool:
        """Convert a pool."""
        return cls(
            name=escape_line(pool.name),
            host=escape_line(pool.host),
            queues=[escape_line(queue) for queue in pool.queues],
            size=pool.size,
            running=pool.running,
            bounds=pool.bounds.text,
            requested=pool.requested.text if pool.requested else None,
            requested_by=escape_line(pool.requested_by),
            reason=escape_line(pool.reason),
            ends=pool.ends,
        )
