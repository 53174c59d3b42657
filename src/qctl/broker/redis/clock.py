"""Redis's clock, the only one that all hosts share.

A read-only ACL user may lack TIME, which is in neither @read nor @connection. This host's clock is used then.
"""

from __future__ import annotations

import time
from datetime import datetime, timezone

from redis import Redis
from redis.exceptions import NoPermissionError


def reply_ms(reply: object) -> int:
    """Return the time in a reply to TIME, in milliseconds since 1970; this host's time for any other reply."""
    if isinstance(reply, (tuple, list)) and len(reply) == 2:
        return int(reply[0]) * 1000 + int(reply[1]) // 1000
    return time.time_ns() // 1_000_000


def now_ms(connection: Redis) -> int:
    """Return Redis's time in milliseconds since 1970."""
    try:
        return reply_ms(connection.time())
    except NoPermissionError:
        return reply_ms(None)


def to_datetime(ms: float) -> datetime:
    """Return the aware datetime of milliseconds since 1970."""
    return datetime.fromtimestamp(ms / 1000, timezone.utc)


def optional_datetime(ms: float | None) -> datetime | None:
    """Return the aware datetime of milliseconds since 1970, None if they are missing or out of range."""
    try:
        return None if ms is None else to_datetime(ms)
    except (ValueError, OverflowError, OSError):
        return None
