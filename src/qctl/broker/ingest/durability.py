"""Durability of acknowledged data, by the configuration of the server at hand.

`appendfsync everysec` postpones writing the log for up to 2 s while the disk is busy, and answers all the same: a
SIGKILL of redis-server then loses what it answered (Redis 7.0 and Valkey 9.1, tried by `python -m faults --fault
kill-redis` beside programs that write and fsync). WAITAOF does not close that window: on Valkey 9.1 it answers at once
to a client whose write is not synced yet.
"""

from __future__ import annotations

from enum import Enum

from redis import Redis

from qctl.broker.redis import replies


class Durability(Enum):
    """Cost of a crash or a power cut. The value is the sentence for people."""

    SYNCED = "what Redis acknowledges survives its crash and a power cut"
    TWO_SECONDS = "a power cut, or a crash of Redis while its disk is busy, may lose the last 2 s"
    THIRTY_SECONDS = "a power cut, or a crash of Redis while its disk is busy, may lose the last 30 s"
    MEMORY_ONLY = "Redis keeps no append-only file: its crash loses what it acknowledged"
    UNKNOWN = "this Redis user may not ask how Redis syncs its log (CONFIG GET appendfsync)"


_POLICIES = {
    b"always": Durability.SYNCED,
    b"everysec": Durability.TWO_SECONDS,
    b"no": Durability.THIRTY_SECONDS,
}

RECOMMENDATION = "redis-cli config set appendfsync always, and the same in redis.conf"
"""The configuration under which acknowledged means on disk."""


def of_policy(appendonly: str, appendfsync: str) -> Durability:
    """The durability of these two values of Redis's configuration."""
    if appendonly != "yes":
        return Durability.MEMORY_ONLY
    return _POLICIES.get(appendfsync.encode(), Durability.UNKNOWN)


def read(connection: Redis) -> Durability:
    """Ask the server. Raises redis-py's exceptions; a refusal of CONFIG is UNKNOWN."""
    with connection.pipeline(transaction=False) as pipe:
        pipe.execute_command("CONFIG", "GET", "appendonly")
        pipe.execute_command("CONFIG", "GET", "appendfsync")
        answers = replies.execute(pipe)
    values = [_second(answer) for answer in answers]
    if None in values:
        return Durability.UNKNOWN
    appendonly, appendfsync = (value or "" for value in values)
    return of_policy(appendonly, appendfsync)


def _second(answer: object) -> str | None:
    """The value in a reply of CONFIG GET, None if it was refused."""
    if isinstance(answer, dict):
        answer = [part for pair in answer.items() for part in pair]
    if not isinstance(answer, list) or len(answer) != 2:
        return None
    value = answer[1]
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)
