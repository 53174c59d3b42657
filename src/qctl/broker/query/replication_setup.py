"""Replicas of Redis, and the Sentinels that watch it. Writes nothing."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from redis import Redis
from redis.exceptions import RedisError

from qctl.broker.redis import replication, replies
from qctl.broker.redis.cluster import ClusterPool
from qctl.broker.redis.connection import describe
from qctl.broker.redis.sentinel import Pool


@dataclass(frozen=True)
class Replica:
    """A replica as the primary sees it: seconds since it was heard, and bytes that it lacks."""

    address: str
    is_online: bool
    lag: int
    behind: int


@dataclass(frozen=True)
class SentinelView:
    """A Sentinel: what it says of the primary, or why it does not answer."""

    address: str
    problem: str = ""
    primary: str = ""
    quorum: int = 0
    others: int = 0
    is_down: bool = False


@dataclass(frozen=True)
class ReplicationSetup:
    """Replication of one Redis. `replicas` and `min_replicas` are None if this user may not ask."""

    is_primary: bool
    replicas: list[Replica] | None
    min_replicas: int | None
    sentinels: list[SentinelView]


def read(connection: Redis) -> ReplicationSetup:
    """Read the replicas of the primary, and ask every Sentinel of the URL. Raises redis-py's exceptions."""
    with connection.pipeline(transaction=False) as pipe:
        pipe.info("replication")
        pipe.config_get("min-replicas-to-write")
        info, config = replies.execute(pipe)
    fields = cast("Mapping[str, Any]", info) if isinstance(info, dict) else None
    least = config.get("min-replicas-to-write") if isinstance(config, dict) else None
    return ReplicationSetup(
        is_primary=fields is None or fields.get("role") == "master",
        replicas=None if fields is None else _replicas(fields),
        min_replicas=int(least) if least is not None and str(least).isdigit() else None,
        sentinels=_sentinels(connection),
    )


def _replicas(info: Mapping[str, Any]) -> list[Replica]:
    entries = [info.get(f"slave{n}") for n in range(int(info.get("connected_slaves", 0)))]
    written = int(info.get("master_repl_offset", 0))
    return [
        Replica(
            address=f"{entry.get('ip')}:{entry.get('port')}",
            is_online=entry.get("state") == "online",
            lag=int(entry.get("lag", 0)),
            behind=max(0, written - int(entry.get("offset", 0))),
        )
        for entry in entries
        if isinstance(entry, dict)
    ]


def _sentinels(connection: Redis) -> list[SentinelView]:
    pool = connection.connection_pool
    if not isinstance(pool, Pool) or isinstance(pool, ClusterPool):
        return []
    return [_view(*answer) for answer in pool.sentinel_manager.ask_all(pool.service_name)]


def _view(address: str, answer: Mapping[str, Any] | RedisError) -> SentinelView:
    if isinstance(answer, RedisError):
        return SentinelView(address, problem=describe(answer))
    return SentinelView(
        address,
        primary=f"{answer['ip']}:{answer['port']}",
        quorum=int(answer["quorum"]),
        others=int(answer["num-other-sentinels"]),
        is_down=bool(answer["is_sdown"] or answer["is_odown"]),
    )


def confirmation_seconds(connection: Redis) -> float | None:
    """Wait for the required replicas, without a write, and return how long that took.

    None if none is required, or if too few answer, which `read` shows. Raises redis-py's exceptions.
    """
    if not replication.required(connection):
        return None
    began = time.perf_counter()
    try:
        replication.confirm(connection)
    except replication.NotReplicatedError:
        return None
    return time.perf_counter() - began


@dataclass(frozen=True)
class ReplicaClock:
    """Seconds by which a replica's clock is ahead of the primary's, known to `precision` seconds."""

    address: str
    ahead: float
    precision: float


def read_clocks(connection: Redis) -> list[ReplicaClock]:
    """Compare the clock of each replica that the Sentinels know with the primary's. Replicas that do not answer, or do
    not let this user in, are left out. Raises redis-py's exceptions if the primary does not answer."""
    pool = connection.connection_pool
    if not isinstance(pool, Pool) or not pool.is_master:
        return []
    clocks = []
    for address, client in pool.replica_clients():
        try:
            client.ping()  # connecting takes longer than asking
            before = _seconds(connection)
            theirs = _seconds(client)
        except RedisError:
            continue
        after = _seconds(connection)
        clocks.append(ReplicaClock(address, theirs - (before + after) / 2, (after - before) / 2))
    return clocks


def _seconds(client: Redis) -> float:
    seconds, microseconds = client.time()
    return seconds + microseconds / 1e6
