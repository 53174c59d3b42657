"""Values of the scripts that put jobs into their queues."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from redis import Redis
from rq.rate_limit import RateLimitRegistry
from rq.utils import utcformat

from qctl.broker.redis import keys


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
