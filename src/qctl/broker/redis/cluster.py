"""Connections to the node of a Redis Cluster that serves a site's slot.

All keys of a site have the hash tag of QUEUE_PREFIX, so that they lie in one slot, and one connection reaches them all:
scripts, transactions, blocking waits and streams work as with one Redis. The pool asks the nodes of the URL who serves
the slot whenever it opens a connection, as the one for Sentinel asks the Sentinels.

A node that does not serve the slot, or not all keys of a command, refuses the command and runs nothing of it
(`Redirected`). Such a command is sent again for about two seconds. While a slot moves key by key, commands for a single
key follow it (ASK); those for several keys wait.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from redis import Redis
from redis.backoff import ExponentialBackoff, NoBackoff
from redis.connection import Connection, parse_url
from redis.exceptions import (
    AskError,
    ClusterDownError,
    ConnectionError,
    MovedError,
    RedisError,
    ResponseError,
    TryAgainError,
)
from redis.retry import Retry

from qctl.broker.redis.sentinel import (
    CONNECT_TIMEOUT_SECONDS,
    KEEPALIVE_OPTIONS,
    REPLY_TIMEOUT_SECONDS,
    Pool,
    PrimaryConnection,
    greet_primary,
    greet_replica,
)
from qctl.broker.redis.transport import TlsConnection
from qctl.settings import cluster_url
from qctl.settings.cluster_url import ClusterUrl
from qctl.settings.sentinel_url import Address

FIRST_DELAY_SECONDS = 0.01
MAX_DELAY_SECONDS = 0.5
MAX_REPEATS = 8
"""Delays between attempts to run a refused command double from the first to the longest: two seconds in all."""

MAX_NODES_ASKED = 32
"""Maximum nodes that are remembered in addition to those of the URL."""

T = TypeVar("T")


class Redirected(ConnectionError, ResponseError):
    """A node refused a command and ran nothing of it: it does not serve the slot, or not all keys of it at present."""


@dataclass(frozen=True)
class Shard:
    """The nodes that serve a slot. `slots` is the number of slots that they serve in all."""

    primary: Address
    replicas: tuple[Address, ...]
    slots: int


class Nodes:
    """Knows who serves one slot. Any thread may ask it; no connection that it opens to ask stays open."""

    def __init__(self, url: ClusterUrl, slot: int, options: dict[str, Any]) -> None:
        """`options` are redis-py's for each connection."""
        self.slot = slot
        self._url = url
        self._options = options
        self._addresses = url.nodes
        self._learnt: tuple[Address, ...] = ()
        self._moved_to: Address | None = None

    def ask_another(self) -> None:
        """Ask the node that was asked first last from now on: it may be cut off from the others."""
        self._addresses = (*self._addresses[1:], self._addresses[0])

    def follow(self, address: Address) -> None:
        """Try this address first when a connection is opened next."""
        self._moved_to = address

    def discover_master(self, _service: str = "") -> Address:
        """Return the address of the primary of the slot. Raises ConnectionError if no node names one."""
        moved_to, self._moved_to = self._moved_to, None
        return moved_to or self.shard().primary

    def discover_slaves(self, _service: str = "") -> list[Address]:
        """Return the addresses of the replicas of the slot's primary, none if no node answers."""
        with suppress(ConnectionError):
            return list(self.shard().replicas)
        return []

    def shard(self) -> Shard:
        """Return the nodes that serve the slot, by the first node that answers. Raises ConnectionError."""
        reasons = []
        for address in (*self._addresses, *self._learnt):
            try:
                shard = self.ask(address)
            except RedisError as error:
                reasons.append(f"{_text(address)}: {error}")
                continue
            found = (shard.primary, *shard.replicas)
            self._learnt = tuple(one for one in found if one not in self._addresses)[:MAX_NODES_ASKED]
            return shard
        raise ConnectionError(f"no node names the primary of slot {self.slot} ({'; '.join(reasons)})")

    def ask(self, address: Address) -> Shard:
        """Return the nodes that serve the slot as this node knows them. Raises redis-py's exceptions."""
        client = Redis.from_url(
            self._url.node(address),
            socket_connect_timeout=CONNECT_TIMEOUT_SECONDS,
            socket_timeout=REPLY_TIMEOUT_SECONDS,
            retry=Retry(NoBackoff(), 0),
            protocol=2,
            **({"connection_class": TlsConnection} if self._url.scheme == "rediss" else {}),
        )
        with closing(client):
            ranges = cast("list[list[Any]]", client.execute_command("CLUSTER SLOTS"))
        shards = [(first, last, [_address(node, address) for node in nodes]) for first, last, *nodes in ranges]
        for first, last, (primary, *replicas) in shards:
            if first <= self.slot <= last:
                total = sum(end - begin + 1 for begin, end, nodes in shards if nodes[0] == primary)
                return Shard(primary, tuple(replicas), total)
        raise ConnectionError(f"no node serves slot {self.slot}")

    def addresses(self) -> tuple[Address, ...]:
        """Return the nodes of the URL, in its order."""
        return self._url.nodes

    def open(self, address: Address) -> Connection:
        """Return a new connection to a node. Close it."""
        connection_class = TlsConnection if self._url.scheme == "rediss" else Connection
        host, port = address
        return connection_class(host=host, port=port, **self._options)


def _address(node: Sequence[Any], source: Address) -> Address:
    """The address of a node in CLUSTER SLOTS. One that does not know its own host leaves it empty, or says `?`."""
    host = node[0].decode() if node[0] else "?"
    return (source[0] if host == "?" else host), int(node[1])


class NodeConnection(PrimaryConnection):
    """A connection to the node that serves the slot of its pool."""

    _command: tuple[Any, ...] | None = None
    """The command that was sent, if it was sent alone, and changes nothing in the connection as WATCH does."""

    def send_command(self, *args: Any, **options: Any) -> None:
        """Send one command."""
        super().send_command(*args, **options)
        self._command = None if args[0] == "WATCH" else args

    def send_packed_command(self, *args: Any, **options: Any) -> None:
        """Send bytes: one command, or several. A closed connection is opened to the node that serves the slot now."""
        if not self.is_connected:
            self.connect()
        super().send_packed_command(*args, **options)
        self._command = None

    def read_response(self, *args: Any, **options: Any) -> Any:
        """Read the reply to one command. Raises Redirected if the node refused it; redis-py's exceptions."""
        try:
            return super().read_response(*args, **options)
        except (AskError, TryAgainError, ClusterDownError) as error:
            if type(error) is AskError and self._command is not None:
                return self._ask(error, self._command, options)
            if isinstance(error, MovedError) and error.slot_id != self._nodes.slot:
                raise  # a key without the hash tag
            raise self._refused(error) from error

    def _refused(self, error: ResponseError) -> Redirected:
        nodes = self._nodes
        if isinstance(error, MovedError):
            self.must_close = True
            nodes.follow((error.host or self.host, error.port))
            return Redirected(f"slot {nodes.slot} has moved to {error.host}:{error.port}")
        if isinstance(error, ClusterDownError):
            self.must_close = True
            nodes.ask_another()
            return Redirected(f"the cluster does not serve slot {nodes.slot}: {error}")
        return Redirected(f"slot {nodes.slot} is being moved to another node")

    def _ask(self, error: AskError, command: Sequence[Any], options: dict[str, Any]) -> Any:
        """Run a command at the node that the slot is being moved to: it has the key already, or shall have it."""
        link = self._nodes.open((error.host or self.host, error.port))
        try:
            link.send_command("ASKING")
            link.read_response()
            link.send_command(*command)
            return link.read_response(**options)
        except (AskError, TryAgainError, ClusterDownError) as refusal:
            raise Redirected(f"slot {self._nodes.slot} is being moved to another node") from refusal
        finally:
            link.disconnect()

    @property
    def _nodes(self) -> Nodes:
        return cast("Nodes", self.connection_pool.sentinel_manager)


class NodeTlsConnection(NodeConnection, TlsConnection):
    """The same over TLS."""


class ClusterPool(Pool):
    """Connections to the primary of one slot, or with `is_master=False` to its replicas."""

    sentinel_manager: Nodes


def make_pool(url: str, slot: int, *, replica: bool = False, **options: Any) -> ClusterPool:
    """Return the pool for a URL of a cluster. `options` are redis-py's for each connection.

    Raises ValueError and TypeError if the URL cannot be used.
    """
    parsed = cluster_url.parse(url)
    tls = parsed.scheme == "rediss"
    kwargs = {**parse_url(parsed.node(parsed.nodes[0])), **options, **KEEPALIVE_OPTIONS}
    for name in ("host", "port", "connection_class"):
        kwargs.pop(name, None)
    nodes = Nodes(parsed, slot, {**kwargs, "retry": Retry(NoBackoff(), 0)})
    backoff = ExponentialBackoff(cap=MAX_DELAY_SECONDS, base=FIRST_DELAY_SECONDS / 2)
    return ClusterPool(
        f"slot {slot}",
        nodes,
        is_master=not replica,
        connection_class=NodeTlsConnection if tls else NodeConnection,
        redis_connect_func=_greet_replica if replica else greet_primary,
        **{**kwargs, "retry": Retry(backoff, MAX_REPEATS, supported_errors=(Redirected,))},
    )


def _greet_replica(connection: Connection) -> None:
    """Log in on a new connection to a replica, and allow reading: it redirects to its primary otherwise."""
    greet_replica(connection)
    connection.send_command("READONLY")
    connection.read_response()


def until_accepted(run: Callable[[], T]) -> T:
    """Run what sends commands on a connection, again as long as a node refuses them. Raises Redirected at last."""
    for delay in _delays():
        try:
            return run()
        except Redirected:
            time.sleep(delay)
    return run()


def _delays() -> Iterator[float]:
    for number in range(MAX_REPEATS):
        yield min(MAX_DELAY_SECONDS, FIRST_DELAY_SECONDS * 2**number)


def _text(address: Address) -> str:
    return f"{address[0]}:{address[1]}"
