"""Reads what the nodes of a Redis Cluster know of the slot of a site's keys. Writes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from redis import Redis
from redis.exceptions import RedisError

from qctl.broker.redis import key_prefix, replies
from qctl.broker.redis.cluster import ClusterPool, Nodes
from qctl.broker.redis.connection import describe
from qctl.settings.sentinel_url import Address


@dataclass(frozen=True)
class NodeView:
    """A node of the URL: which node serves the slot according to it, or why it does not answer."""

    address: str
    problem: str = ""
    primary: str = ""
    replicas: tuple[str, ...] = ()
    slots: int = 0


@dataclass(frozen=True)
class ClusterSetup:
    """The slot of a site. What this user may not ask is None.

    `serves_all` tells whether every slot of the cluster is served, `needs_all` whether each must be for any to be.
    """

    tag: str
    slot: int
    nodes: list[NodeView]
    serves_all: bool | None
    needs_all: bool | None
    is_moving: bool | None


def read(connection: Redis) -> ClusterSetup | None:
    """Ask every node of the URL, and the one that serves the slot. None if this Redis is no cluster.

    Raises redis-py's exceptions.
    """
    pool = connection.connection_pool
    if not isinstance(pool, ClusterPool):
        return None
    nodes = pool.sentinel_manager
    views = [_view(nodes, address) for address in nodes.addresses()]
    with connection.pipeline(transaction=False) as pipe:
        pipe.execute_command("CLUSTER INFO")
        pipe.execute_command("CLUSTER NODES")
        pipe.config_get("cluster-require-full-coverage")
        info, members, config = replies.execute(pipe)
    needs_all = config.get("cluster-require-full-coverage") if isinstance(config, dict) else None
    return ClusterSetup(
        tag=key_prefix.TAG,
        slot=nodes.slot,
        nodes=views,
        serves_all=info.get("cluster_state") == "ok" if isinstance(info, dict) else None,
        needs_all=None if needs_all is None else needs_all == "yes",
        is_moving=_is_moving(members, nodes.slot) if isinstance(members, dict) else None,
    )


def _view(nodes: Nodes, address: Address) -> NodeView:
    try:
        shard = nodes.ask(address)
    except RedisError as error:
        return NodeView(_text(address), problem=describe(error))
    return NodeView(_text(address), "", _text(shard.primary), tuple(map(_text, shard.replicas)), shard.slots)


def _is_moving(members: Mapping[str, Any], slot: int) -> bool:
    """Tell whether the node that was asked moves the slot, or receives it."""
    return any(
        int(move["slot"]) == slot
        for member in members.values()
        for move in cast("list[Mapping[str, Any]]", member.get("migrations", []))
    )


def _text(address: Address) -> str:
    return f"{address[0]}:{address[1]}"
