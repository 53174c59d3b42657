"""Reads RQ's rate limits: how many jobs may run with one key, how many do, and how many wait. Writes nothing."""

from __future__ import annotations

from dataclasses import dataclass

from redis import Redis
from rq.rate_limit import RateLimitRegistry

from qctl.broker.redis import keys, replies, untrusted_fields
from qctl.models.limits import RqLimit

MAX_RQ_LIMITS = 1000
"""Limits of RQ that are read."""


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


def read(connection: Redis) -> list[RqLimit]:
    """Return the rate limits that producers set with RQ, those with most waiting jobs first."""
    names = sorted(replies.bytes_set(connection.smembers(RateLimitRegistry.rl_keys_key)))[:MAX_RQ_LIMITS]
    registries = [RateLimitRegistry(untrusted_fields.decode(name), connection) for name in names]
    with connection.pipeline(transaction=False) as pipe:
        for registry in registries:
            pipe.hget(registry.config_key, "concurrency")
            pipe.zcard(registry.allowed_key)
            pipe.zcard(registry.rate_limited_key)
        answers = iter(replies.execute(pipe))
    limits = []
    for registry in registries:
        concurrency = untrusted_fields.parse_count(replies.optional_bytes(next(answers)))
        running, waiting = replies.integer(next(answers)), replies.integer(next(answers))
        limits.append(RqLimit(registry.key, concurrency or 0, running, waiting))
    return sorted(limits, key=lambda limit: (-limit.waiting, -limit.running, limit.key))
