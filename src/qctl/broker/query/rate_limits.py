"""Reads RQ's rate limits: how many jobs may run with one key, how many do, and how many wait. Writes nothing."""

from __future__ import annotations

from dataclasses import dataclass

from redis import Redis
from rq.rate_limit import RateLimitRegistry

from qctl.broker.redis import keys, replies, untrusted_fields


@dataclass(frozen=True)
class RateLimit:
    """A rate limit: `running` jobs have one of its `concurrency` places, and `waiting` jobs wait for one."""

    key: str
    concurrency: int
    running: int
    waiting: int


def of_job(connection: Redis, job_id: str) -> RateLimit | None:
    """Return the rate limit of a job, None if it has none."""
    fields = connection.hmget(keys.job(job_id), ["rate_limit_key", "rate_limit_concurrency"])
    raw_key, raw_concurrency = replies.field_values(fields, 2)
    concurrency = untrusted_fields.parse_count(raw_concurrency)
    if not raw_key or not concurrency:
        return None
    key = untrusted_fields.decode(raw_key)
    registry = RateLimitRegistry(key, connection)
    with connection.pipeline(transaction=False) as pipe:
        pipe.zcard(registry.allowed_key)
        pipe.zcard(registry.rate_limited_key)
        running, waiting = map(replies.integer, replies.execute(pipe))
    return RateLimit(key, concurrency, running, waiting)
