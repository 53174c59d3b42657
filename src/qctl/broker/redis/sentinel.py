"""Connections to the primary, or to a replica, of a Redis that Sentinel watches.

redis-py's pool asks the Sentinels whenever it opens a connection. What is added here: the server that they name must
say itself that it is the primary, because they learn of a failover later than it happens; and a primary that lost its
replicas is left, because it may have been cut off from the site that goes on without it.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from typing import Any, cast

from redis import Redis
from redis.backoff import NoBackoff
from redis.connection import Connection, ConnectionPool, parse_url
from redis.exceptions import ConnectionError, RedisError, ResponseError, TimeoutError
from redis.retry import Retry
from redis.sentinel import (
    MasterNotFoundError,
    Sentinel,
    SentinelConnectionPool,
    SentinelManagedConnection,
    SlaveNotFoundError,
)

from qctl.broker.redis.transport import TlsConnection
from qctl.settings import sentinel_url
from qctl.settings.sentinel_url import Address

CONNECT_TIMEOUT_SECONDS = 0.5
"""Time that a Sentinel has to accept a connection: a host that is off must not keep the others from being asked."""

REPLY_TIMEOUT_SECONDS = 1.0
"""Time that a Sentinel has to reply."""

DEAD_HOST_SECONDS = 5
"""Time after which the kernel closes a connection whose other end acknowledges nothing: a host that is off sends no end
of a connection, and the reply to a request may take longer than this."""

_KEEPALIVE = {
    "TCP_KEEPIDLE": 2,
    "TCP_KEEPINTVL": 1,
    "TCP_KEEPCNT": DEAD_HOST_SECONDS - 2,
    "TCP_USER_TIMEOUT": DEAD_HOST_SECONDS * 1000,
}
"""Options of Linux's TCP for that, of an idle connection and of one that has sent something."""

KEEPALIVE_OPTIONS: dict[str, Any] = {
    "socket_keepalive": True,
    "socket_keepalive_options": {
        getattr(socket, name): value for name, value in _KEEPALIVE.items() if hasattr(socket, name)
    },
}
"""Options of redis-py for that."""

_LEAVE = ("NOREPLICAS", "UNBLOCKED")
"""Errors of a server that may be the primary no longer, beside READONLY, on which redis-py closes the connection."""


class PrimaryConnection(SentinelManagedConnection):
    """A connection that is closed when it is returned to its pool, if its server may be the primary no longer."""

    must_close = False

    def read_response(self, *args: Any, **options: Any) -> Any:
        """Read the reply to one command."""
        try:
            return super().read_response(*args, **options)
        except ResponseError as error:
            text = str(error)
            if any(code in text for code in _LEAVE):
                self.must_close = True
                self.connection_pool.sentinel_manager.ask_another()
            raise

    def disconnect(self, *args: Any, **options: Any) -> None:
        """Close the socket. The next command connects again, to the primary of then."""
        self.must_close = False
        super().disconnect(*args, **options)


class PrimaryTlsConnection(PrimaryConnection, TlsConnection):
    """The same over TLS."""


class Pool(SentinelConnectionPool):
    """Connections to the primary of a service, or with `is_master=False` to its replicas."""

    @property
    def replica_address(self) -> str:
        """HOST:PORT of the replica that a new connection has. Raises ConnectionError if there is none."""
        try:
            connection = self.get_connection()
        except SlaveNotFoundError:
            raise ConnectionError("the Sentinels know no replica that is up") from None
        try:
            return _text((connection.host, connection.port))
        finally:
            self.release(connection)

    def replica_clients(self) -> Iterator[tuple[str, Redis]]:
        """Address and client of each replica that the Sentinels take for up, closed after its turn."""
        own = ("connection_pool", "redis_connect_func", "host", "port")
        options = {name: value for name, value in self.connection_kwargs.items() if name not in own}
        is_tls = issubclass(self.connection_class, TlsConnection)
        for host, port in self.sentinel_manager.discover_slaves(self.service_name):
            pool = ConnectionPool(TlsConnection if is_tls else Connection, host=host, port=port, **options)
            with closing(Redis.from_pool(pool)) as client:
                yield _text((host, port)), client

    def release(self, connection: Any) -> None:
        """Take back a connection."""
        if getattr(connection, "must_close", False):
            connection.disconnect()
        super().release(connection)


class Sentinels(Sentinel):
    """The Sentinels of one service. Any thread may ask them; no connection to them stays open."""

    def __init__(self, addresses: Sequence[Address], clients: Iterable[Redis]) -> None:
        super().__init__([])
        self._members = tuple(zip(addresses, clients, strict=True))

    def ask_another(self) -> None:
        """Ask the Sentinel that was asked first last from now on: it may not know yet who is the primary."""
        self._members = (*self._members[1:], self._members[0])

    def discover_master(self, service_name: str) -> Address:
        """Return the address of the primary by the first Sentinel that knows one. Raises MasterNotFoundError."""
        members, reasons = self._members, []
        for number, (address, client) in enumerate(members):
            try:
                with closing(client):
                    state = cast("dict[str, Any]", client.sentinel_master(service_name))
            except (ConnectionError, TimeoutError, ResponseError) as error:
                reasons.append(f"{_text(address)}: {error}")
                continue
            if self.check_master_state(state, service_name):
                self._members = (*members[number:], *members[:number])
                return state["ip"], state["port"]
            reasons.append(f"{_text(address)}: the primary is down")
        raise MasterNotFoundError(f"no Sentinel names a primary of {service_name!r} ({'; '.join(reasons)})")

    def ask_all(self, service_name: str) -> list[tuple[str, dict[str, Any] | RedisError]]:
        """Return the address of each Sentinel, and its SENTINEL MASTER or its error."""
        answers: list[tuple[str, dict[str, Any] | RedisError]] = []
        for address, client in sorted(self._members, key=lambda member: member[0]):
            try:
                with closing(client):
                    answers.append((_text(address), cast("dict[str, Any]", client.sentinel_master(service_name))))
            except RedisError as error:
                answers.append((_text(address), error))
        return answers

    def discover_slaves(self, service_name: str) -> list[Address]:
        """Return the addresses of the replicas that are up, by the first Sentinel that knows any."""
        for _, client in self._members:
            try:
                with closing(client):
                    replicas = self.filter_slaves(client.sentinel_slaves(service_name))
            except (ConnectionError, TimeoutError, ResponseError):
                continue
            if replicas:
                return cast("list[Address]", replicas)
        return []


def make_pool(url: str, *, replica: bool = False, **options: Any) -> Pool:
    """Return the pool for a URL of Sentinels. `options` are redis-py's for each connection to a Redis.

    Raises ValueError and TypeError if the URL cannot be used.
    """
    parsed = sentinel_url.parse(url)
    tls = parsed.scheme == "rediss"
    kwargs = {**parse_url(parsed.server(parsed.sentinels[0])), **options}
    for name in ("host", "port", "connection_class"):
        kwargs.pop(name, None)
    clients = [_client(parsed.sentinel(address), tls=tls) for address in parsed.sentinels]
    return Pool(
        parsed.service,
        Sentinels(parsed.sentinels, clients),
        is_master=not replica,
        connection_class=PrimaryTlsConnection if tls else PrimaryConnection,
        redis_connect_func=greet_replica if replica else greet_primary,
        **KEEPALIVE_OPTIONS,
        **kwargs,
    )


def _client(url: str, *, tls: bool) -> Redis:
    return Redis.from_url(
        url,
        socket_connect_timeout=CONNECT_TIMEOUT_SECONDS,
        socket_timeout=REPLY_TIMEOUT_SECONDS,
        retry=Retry(NoBackoff(), 0),
        protocol=2,
        **({"connection_class": TlsConnection} if tls else {}),
    )


def greet(connection: Connection) -> None:
    """Log in on a new connection, and choose the database."""
    connection.on_connect()


def greet_primary(connection: Connection) -> None:
    """Log in on a new connection, and close it if its server is no primary."""
    greet(connection)
    if _role(connection) not in (b"master", None):
        managed = cast("PrimaryConnection", connection)
        managed.connection_pool.sentinel_manager.ask_another()
        raise ConnectionError(f"{_text((managed.host, managed.port))} is no primary any more")


def greet_replica(connection: Connection) -> None:
    """Log in on a new connection, and close it if its server is no replica: redis-py falls back to the primary."""
    greet(connection)
    if _role(connection) == b"master":
        raise ConnectionError(f"{connection.host} is no replica")


def _role(connection: Connection) -> bytes | None:
    """The role that a server says it has, None if it does not tell.

    HELLO tells it to every user that may connect; ROLE needs a right of its own.
    """
    connection.send_command("HELLO", 2, check_health=False)
    try:
        reply = connection.read_response()
    except ResponseError:
        return None  # a server without HELLO, or a user without the right: READONLY tells
    return cast("bytes | None", dict(zip(reply[::2], reply[1::2], strict=True)).get(b"role"))


def _text(address: Address) -> str:
    return f"{address[0]}:{address[1]}"
