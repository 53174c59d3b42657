"""Slots of RQ's rate limits. A job with a limit waits for a slot before it is put into its queue."""

from __future__ import annotations

from redis import Redis
from rq.rate_limit import RateLimitRegistry

from qctl.broker.redis import keys, replies, untrusted_fields


def acquire(connection: Redis, job_id: str) -> None:
    """Let RQ's limiter enqueue the jobs for which it has slots. The others get slots as they are released."""
    fields = connection.hmget(keys.job(job_id), ["rate_limit_key", "rate_limit_concurrency"])
    name, raw_concurrency = replies.field_values(fields, 2)
    concurrency = untrusted_fields.parse_count(raw_concurrency)
    if not name or not concurrency:
        return
    limiter = RateLimitRegistry(untrusted_fields.decode(name), connection)
    with connection.pipeline() as pipe:
        limiter.register(concurrency, pipe)
        pipe.execute()
    limiter.acquire_and_enqueue(concurrency)


def release(connection: Redis, job_id: str) -> None:
    """Release the slot of a job that will not run, if it has one, and let the next job take it."""
    name = replies.optional_bytes(connection.hget(keys.job(job_id), "rate_limit_key"))
    if name:
        RateLimitRegistry(untrusted_fields.decode(name), connection).cancel(job_id)
