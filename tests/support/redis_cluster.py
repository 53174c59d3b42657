"""A Redis Cluster on 127.0.0.1: three shards, each a primary and a replica."""

from __future__ import annotations

from binascii import crc_hqx
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any

import redis
from redis.exceptions import ConnectionError, ResponseError

from support.process import free_port
from support.servers import RedisServer
from support.waiting import eventually

SHARDS = 3

SLOTS = 16_384

NODE_TIMEOUT_MS = 3000
"""Time without an answer after which the nodes take one for dead."""

KEYS_A_STEP = 50
"""Keys that one MIGRATE moves."""


def slot_of(tag: str) -> int:
    """The slot of the keys with a hash tag."""
    return crc_hqx(tag.encode(), 0) % SLOTS


class ClusterNode(RedisServer):
    """One node of a cluster."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.bus_port = free_port()
        pairs = {
            "cluster-enabled": "yes",
            "cluster-port": str(self.bus_port),
            "cluster-node-timeout": str(NODE_TIMEOUT_MS),
            "cluster-require-full-coverage": "no",
            "appendfsync": "everysec",
            "repl-diskless-sync-delay": "0",
        }
        super().__init__(folder, *(word for name, value in pairs.items() for word in (f"--{name}", value)), *options)

    @contextmanager
    def client(self) -> Iterator[redis.Redis]:
        """A client of its own, closed at the end of the block."""
        with closing(self.connect()) as client:
            yield client

    @property
    def id(self) -> str:
        """Its name in the cluster."""
        return str(self.run("CLUSTER MYID"))

    def run(self, *words: str | int) -> object:
        """Run one command; bytes are returned as text."""
        with self.client() as client:
            answer = _call(client, *words)
        return answer.decode() if isinstance(answer, bytes) else answer


class RedisCluster:
    """Six nodes. As a context manager they run, and all agree on who serves which slot."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.nodes: list[ClusterNode] = []
        for number in range(2 * SHARDS):
            place = folder / f"node{number}"
            place.mkdir(parents=True)
            self.nodes.append(ClusterNode(place, *options))

    @property
    def url(self) -> str:
        """The URL by which qctl finds the nodes."""
        return f"redis+cluster://{','.join(f'127.0.0.1:{node.port}' for node in self.nodes[:SHARDS])}/"

    def __enter__(self) -> RedisCluster:
        try:
            for node in self.nodes:
                node.start()
            self._join()
        except BaseException:
            self.end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    def end(self) -> None:
        """Kill them all."""
        for node in self.nodes:
            node.end()

    def _join(self) -> None:
        first, share = self.nodes[0], SLOTS // SHARDS + 1
        for number, node in enumerate(self.nodes):
            node.run("CLUSTER SET-CONFIG-EPOCH", number + 1)
            if node is not first:
                node.run("CLUSTER MEET", "127.0.0.1", first.port, first.bus_port)
        for number, node in enumerate(self.nodes[:SHARDS]):
            node.run("CLUSTER ADDSLOTSRANGE", number * share, min(SLOTS, (number + 1) * share) - 1)
        for number, node in enumerate(self.nodes[SHARDS:]):
            primary = self.nodes[number].id
            eventually(lambda node=node, primary=primary: _replicates(node, primary), what="a replica to join")  # type: ignore[misc]
        eventually(self.is_whole, what="six nodes to agree", every=0.1)

    def is_whole(self) -> bool:
        """True if all nodes run, see all slots served, and every primary has a replica in step."""
        return all(map(_sees_all, self.nodes)) and sum(map(_replicas_in_step, self.nodes)) == SHARDS

    def owner(self, tag: str) -> ClusterNode:
        """The node that serves the slot of a hash tag, and says so itself."""
        found = eventually(lambda: self._owner(slot_of(tag)), what="an owner of the slot", every=0.05)
        assert found is not None
        return found

    def _owner(self, slot: int) -> ClusterNode | None:
        for node in self.nodes:
            if not node.running:
                continue
            with node.client() as client, suppress(ConnectionError, ResponseError):
                found = _call(client, "CLUSTER NODES")
                if any("myself" in str(entry["flags"]) and _serves(entry, slot) for entry in found.values()):
                    return node
        return None

    def other_primary(self, than: ClusterNode) -> ClusterNode:
        """A node that serves other slots."""
        return next(node for node in self.nodes if node is not than and node.running and _role(node) == "master")

    def replica_of(self, primary: ClusterNode) -> ClusterNode:
        """The replica of a primary."""
        return next(
            node for node in self.nodes if node is not primary and node.running and _primary(node) == primary.port
        )

    def begin_move(self, tag: str) -> tuple[ClusterNode, ClusterNode]:
        """Open the slot of a tag for its move to another shard. Returns its owner and the other node."""
        source = self.owner(tag)
        target = self.other_primary(source)
        target.run("CLUSTER SETSLOT", slot_of(tag), "IMPORTING", source.id)
        source.run("CLUSTER SETSLOT", slot_of(tag), "MIGRATING", target.id)
        return source, target

    def move_keys(self, tag: str, source: ClusterNode, target: ClusterNode, at_most: int | None = None) -> int:
        """Move keys of an open slot. Returns how many."""
        moved = 0
        while at_most is None or moved < at_most:
            count = KEYS_A_STEP if at_most is None else min(KEYS_A_STEP, at_most - moved)
            with source.client() as client:
                keys = _call(client, "CLUSTER GETKEYSINSLOT", slot_of(tag), count)
                if not keys:
                    break
                _call(client, "MIGRATE", "127.0.0.1", target.port, "", 0, 5000, "KEYS", *keys)
            moved += len(keys)
        return moved

    def end_move(self, tag: str, source: ClusterNode, target: ClusterNode) -> None:
        """Give the slot to the other node, as redis-cli does."""
        self.move_keys(tag, source, target)
        for node in (target, source):
            node.run("CLUSTER SETSLOT", slot_of(tag), "NODE", target.id)

    def move(self, tag: str) -> ClusterNode:
        """Move the slot of a tag to another shard, key by key. Returns its new owner."""
        source, target = self.begin_move(tag)
        self.end_move(tag, source, target)
        return target


def _call(client: redis.Redis, *words: str | int | bytes) -> Any:
    return client.execute_command(*words)  # type: ignore[no-untyped-call]


def _replicates(node: ClusterNode, primary: str) -> bool:
    try:
        node.run("CLUSTER REPLICATE", primary)
    except ResponseError:  # it does not know the primary yet
        return False
    return True


def _sees_all(node: ClusterNode) -> bool:
    if not node.running:
        return False
    with node.client() as client:
        info = _call(client, "CLUSTER INFO")
    return bool(info["cluster_state"] == "ok" and info["cluster_slots_ok"] == str(SLOTS))


def _role(node: ClusterNode) -> str:
    with node.client() as client:
        return str(client.info("replication")["role"])


def _primary(node: ClusterNode) -> int:
    """The port of the primary of a replica, 0 of a primary."""
    with node.client() as client:
        return int(client.info("replication").get("master_port", 0))


def _replicas_in_step(node: ClusterNode) -> int:
    with node.client() as client:
        info = client.info("replication")
    count = int(info["connected_slaves"]) if info["role"] == "master" else 0
    return sum(info[f"slave{n}"]["state"] == "online" for n in range(count))


def _serves(entry: dict[str, object], slot: int) -> bool:
    ranges = [[int(part) for part in pair] for pair in entry["slots"]]  # type: ignore[attr-defined]
    return "master" in str(entry["flags"]) and any(pair[0] <= slot <= pair[-1] for pair in ranges)
