"""How a Redis server is set up, and what is left over in it. Writes nothing.

What this user may not ask (INFO, CONFIG, ACL are in neither @read nor @connection) is None.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from redis import Redis

from qctl.broker.query.stats_snapshot import is_alive
from qctl.broker.redis import clock, keys, replies

SAMPLES = 9
"""Round trips of which the middle one is told."""


@dataclass(frozen=True)
class Server:
    """One Redis. `latency` seconds of a round trip; `skew` seconds by which this host's clock is ahead of its; `config`
    what CONFIG GET says of the names in `ASKED`; `user` as whom we are connected; `dead_workers` keys that are listed
    and gone; `strange` shared keys that hold another type than they should, with the type that they hold."""

    info: Mapping[str, Any] | None
    config: Mapping[str, str] | None
    user: str | None
    latency: float
    skew: float | None
    dead_workers: list[bytes]
    strange: Mapping[str, str] = field(default_factory=dict)


KINDS = {
    keys.QUEUES: "set",
    keys.WORKERS: "set",
    keys.PAUSED: "hash",
    keys.QUIET: "hash",
    keys.LEASES: "zset",
    keys.SCHEDULES: "zset",
    keys.TRASH: "zset",
    keys.EVENTS: "stream",
}
"""Keys that all queues share, and what they hold."""

ASKED = ("appendonly", "appendfsync", "maxmemory-policy", "bind", "protected-mode", "requirepass", "port", "dir")


def read(connection: Redis) -> Server:
    """Look at the server. Raises what redis-py raises."""
    trips = []
    for _ in range(SAMPLES):
        began = time.perf_counter()
        connection.ping()
        trips.append(time.perf_counter() - began)
    latency = statistics.median(trips)
    with connection.pipeline(transaction=False) as pipe:
        pipe.time()
        (at,) = replies.execute(pipe)
        here = time.time()
        pipe.info()
        for name in ASKED:
            pipe.config_get(name)
        pipe.execute_command("ACL", "WHOAMI")
        info, *config, user = replies.execute(pipe)
    return Server(
        info=None if isinstance(info, Exception) else info,
        config=None if isinstance(config[0], Exception) else _merged(config),
        user=None if isinstance(user, Exception) else _text(user),
        latency=latency,
        skew=None if isinstance(at, Exception) else here - latency / 2 - clock.reply_ms(at) / 1000,
        dead_workers=_dead_workers(connection),
        strange=_strange(connection),
    )


def _strange(connection: Redis) -> dict[str, str]:
    with connection.pipeline(transaction=False) as pipe:
        for key in KINDS:
            pipe.type(key)
        kinds = [_text(replies.granted(reply, b"none")) for reply in replies.execute(pipe)]
    return {key: kind for key, kind in zip(KINDS, kinds, strict=True) if kind not in ("none", KINDS[key])}


def _merged(answers: list[Any]) -> dict[str, str]:
    """The answers to CONFIG GET in one, but for the names that this server does not know."""
    return {_text(name): _text(value) for one in answers if isinstance(one, dict) for name, value in one.items()}


def _text(raw: bytes | str) -> str:
    return raw.decode(errors="replace") if isinstance(raw, bytes) else raw


def _dead_workers(connection: Redis) -> list[bytes]:
    with connection.pipeline(transaction=False) as pipe:
        pipe.smembers(keys.WORKERS)
        registered = sorted(replies.granted(replies.execute(pipe)[0], set()))
        for key in registered:
            pipe.hmget(key, "birth", "death")
        answers = replies.execute(pipe) if registered else []
    return [
        key
        for key, answer in zip(registered, answers, strict=True)
        if not is_alive(replies.granted(answer, [None] * 2))
    ]
