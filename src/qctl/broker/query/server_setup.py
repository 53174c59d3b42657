"""Setup of a Redis server, and leftovers in it. Writes nothing.

A value that this user may not read is None, because INFO, CONFIG and ACL are in neither @read nor @connection.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from redis import Redis

from qctl.broker.query.stats_snapshot import is_alive
from qctl.broker.redis import clock, keys, replies

PING_SAMPLES = 9
"""Round trips that are measured; the median counts."""


@dataclass(frozen=True)
class Server:
    """Setup of one Redis. `latency` is a round trip in seconds, `skew` the seconds by which this host's clock is ahead
    of Redis's, `config` the values of `CONFIG_NAMES`, `user` the ACL user of this connection, `dead_workers` keys of
    registered workers that are gone, `strange` shared keys of a wrong type, with that type."""

    info: Mapping[str, Any] | None
    config: Mapping[str, str] | None
    user: str | None
    latency: float
    skew: float | None
    dead_workers: list[bytes]
    strange: Mapping[str, str] = field(default_factory=dict)


SHARED_KEY_TYPES = {
    keys.QUEUES: "set",
    keys.WORKERS: "set",
    keys.PAUSED: "hash",
    keys.QUIET: "hash",
    keys.LEASES: "zset",
    keys.SCHEDULES: "zset",
    keys.TRASH: "zset",
    keys.EVENTS: "stream",
}
"""Keys that all queues share, with their types."""

MEMORY_OPTIONS = {"hash-max-ziplist-value": 512, "stream-node-max-bytes": 512}
"""Options of Redis, by names that Redis 6.2 and later know, and the bytes that suit jobs.

Redis stores a hash compactly as long as each value is at most so long (64 by default), which the packed call of most
jobs exceeds; and allocates a node of a stream at once (4,096 by default), of which the result of a job fills a tenth.
Measured with `benchmarks/footprint.py`; source of the meanings: the redis.conf of Redis 7."""

CONFIG_NAMES = (
    *("appendonly", "appendfsync", "maxmemory-policy", "bind", "protected-mode", "requirepass", "port", "dir"),
    *MEMORY_OPTIONS,
)


def read(connection: Redis) -> Server:
    """Read the setup of the server. Raises redis-py's exceptions."""
    round_trips = []
    for _ in range(PING_SAMPLES):
        began = time.perf_counter()
        connection.ping()
        round_trips.append(time.perf_counter() - began)
    latency = statistics.median(round_trips)
    with connection.pipeline(transaction=False) as pipe:
        pipe.time()
        (at,) = replies.execute(pipe)
        here = time.time()
        pipe.info()
        for name in CONFIG_NAMES:
            pipe.config_get(name)
        pipe.execute_command("ACL", "WHOAMI")
        info, *config, user = replies.execute(pipe)
    return Server(
        info=cast("dict[str, Any]", info) if isinstance(info, dict) else None,
        config=None if isinstance(config[0], Exception) else _merge(config),
        user=_text(user) if isinstance(user, (bytes, str)) else None,
        latency=latency,
        skew=None if isinstance(at, Exception) else here - latency / 2 - clock.reply_ms(at) / 1000,
        dead_workers=_dead_workers(connection),
        strange=_strange_types(connection),
    )


def _strange_types(connection: Redis) -> dict[str, str]:
    with connection.pipeline(transaction=False) as pipe:
        for key in SHARED_KEY_TYPES:
            pipe.type(key)
        types = [_text(replies.optional_bytes(reply) or b"none") for reply in replies.execute(pipe)]
    expected = zip(SHARED_KEY_TYPES.items(), types, strict=True)
    return {key: actual for (key, kind), actual in expected if actual not in ("none", kind)}


def _merge(answers: Sequence[object]) -> dict[str, str]:
    """Merge the replies to CONFIG GET. Names that this server does not know are left out."""
    return {_text(name): _text(value) for one in answers if isinstance(one, dict) for name, value in one.items()}


def _text(raw: bytes | str) -> str:
    return raw.decode(errors="replace") if isinstance(raw, bytes) else raw


def _dead_workers(connection: Redis) -> list[bytes]:
    with connection.pipeline(transaction=False) as pipe:
        pipe.smembers(keys.WORKERS)
        registered = sorted(replies.bytes_set(replies.execute(pipe)[0]))
        for key in registered:
            pipe.hmget(key, "birth", "death")
        answers = replies.execute(pipe) if registered else []
    return [
        key for key, answer in zip(registered, answers, strict=True) if not is_alive(replies.field_values(answer, 2))
    ]
