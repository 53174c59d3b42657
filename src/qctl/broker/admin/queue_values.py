"""Values of the scripts that put jobs into their queues, and take them off what they waited for."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from redis import Redis
from rq.rate_limit import RateLimitRegistry
from rq.utils import utcformat

from qctl.broker.redis import keys, relation_keys


def values(connection: Redis) -> dict[str, Any]:
    """Return the values that `put_in_queue.lua` declares."""
    now = datetime.now(timezone.utc)
    limit_prefix, _, limit_suffix = RateLimitRegistry("\0", connection).rate_limited_key.partition("\0")
    return {
        "now": utcformat(now),
        "now_seconds": now.timestamp(),
        "queues_key": keys.QUEUES,
        "limit_prefix": limit_prefix,
        "limit_suffix": limit_suffix,
    }


def dependency_values() -> dict[str, Any]:
    """Return the values that `leave_dependencies.lua` declares, besides `job_prefix`."""
    prefix, _, suffix = relation_keys.dependencies("\0").partition("\0")
    return {
        "dependencies_prefix": prefix,
        "dependencies_suffix": suffix,
        "dependents_suffix": keys.DEPENDENTS_SUFFIX,
    }
