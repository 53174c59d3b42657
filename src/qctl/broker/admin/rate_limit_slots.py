"""Slots of RQ's rate limits: a job that has a limit waits for a slot before it is put into its queue."""

from __future__ import annotations

from redis import Redis
from rq.rate_limit import RateLimitRegistry

from qctl.broker.redis import keys, untrusted_fields


def ask(connection: Redis, job_id: str) -> None:
    """Let RQ's limiter enqueue what it has slots for. What waits longer gets the slots that others give back."""
    name, most = connection.hmget(keys.job(job_id), ["rate_limit_key", "rate_limit_concurrency"])
    concurrency = untrusted_fields.parse_count(most)
    if not name or not concurrency:
        return
    limiter = RateLimitRegistry(untrusted_fields.decode(name), connection)
    with connection.pipeline() as pipe:
        limiter.register(concurrency, pipe)
        pipe.execute()
    limiter.acquire_and_enqueue(concurrency)


def give_back(connection: Redis, job_id: str) -> None:
    """Give back the slot of a job that will not run, if it holds one, and let the next one have it."""
    name = connection.hget(keys.job(job_id), "rate_limit_key")
    if name:
        RateLimitRegistry(untrusted_fields.decode(name), connection).cancel(job_id)
