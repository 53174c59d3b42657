"""Reads from Redis's configuration how long acknowledged data may be in memory only.

With `appendfsync everysec`, Redis postpones writing its log for up to 2 s while the disk is busy, but replies at once.
A SIGKILL of redis-server then loses acknowledged data (measured on Redis 7.0 and Valkey 9.1 by `python -m faults
--fault kill-redis` under disk load). WAITAOF does not help: Valkey 9.1 replies to it before the write is synced.
"""

from __future__ import annotations

from enum import Enum

from redis import Redis

from qctl.broker.redis import replies


class Durability(Enum):
    """Loss of data in a crash or a power cut. The value is a description for people."""

    SYNCED = "acknowledged data survives a crash of Redis and a power cut"
    TWO_SECONDS = "a power cut, or a crash of Redis while its disk is busy, may lose the last 2 s"
    THIRTY_SECONDS = "a power cut, or a crash of Redis while its disk is busy, may lose the last 30 s"
    MEMORY_ONLY = "Redis has no append-only file: a crash loses acknowledged data"
    UNKNOWN = "unknown: this Redis user has no right to CONFIG GET appendfsync"


_POLICIES = {
    b"always": Durability.SYNCED,
    b"everysec": Durability.TWO_SECONDS,
    b"no": Durability.THIRTY_SECONDS,
}

RECOMMENDATION = "redis-cli config set appendfsync always, and the same in redis.conf"
"""Next step that gives `SYNCED`."""


def from_config(appendonly: str, appendfsync: str) -> Durability:
    """The durability with these values of Redis's configuration."""
    if appendonly != "yes":
        return Durability.MEMORY_ONLY
    return _POLICIES.get(appendfsync.encode(), Durability.UNKNOWN)


def read(connection: Redis) -> Durability:
    """Read the durability of the server; UNKNOWN without the right to CONFIG. Raises redis-py's errors."""
    with connection.pipeline(transaction=False) as pipe:
        pipe.execute_command("CONFIG", "GET", "appendonly")
        pipe.execute_command("CONFIG", "GET", "appendfsync")
        answers = replies.execute(pipe)
    values = [_second(answer) for answer in answers]
    if None in values:
        return Durability.UNKNOWN
    appendonly, appendfsync = (value or "" for value in values)
    return from_config(appendonly, appendfsync)


def _second(answer: object) -> str | None:
    """The value in a reply of CONFIG GET, None if the command was denied."""
    if isinstance(answer, dict):
        answer = [part for pair in answer.items() for part in pair]
    if not isinstance(answer, list) or len(answer) != 2:
        return None
    value = answer[1]
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)
