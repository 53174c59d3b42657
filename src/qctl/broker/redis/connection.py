"""Opening Redis, and turning what it raises into qctl's own errors.

No connection of qctl retries a command by itself: redis-py's default would send a command again whose reply was
lost, which enqueues a job twice or loses a claimed one (measured on redis-py 8 with a proxy that drops replies).
Whoever calls decides what can be sent again.
"""

from __future__ import annotations

import logging
import random
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import redis
from redis import Redis
from redis.backoff import NoBackoff
from redis.connection import Encoder, PythonRespSerializer, SSLConnection
from redis.exceptions import (
    AuthenticationError,
    AuthorizationError,
    BusyLoadingError,
    ConnectionError,
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
    ResponseError,
    TimeoutError,
)
from redis.retry import Retry

from qctl.broker.redis import key_prefix
from qctl.errors import BackpressureError, QctlError, RedisUnreachableError, RefusedError, SettingsError
from qctl.safe import redact_url
from qctl.settings import Settings

log = logging.getLogger(__name__)

Connection = Redis
"""A client, under the name by which the layers above know it: they do not import redis."""

CONNECT_TIMEOUT = 3.0
"""Seconds to wait for Redis to accept a connection."""

REPLY_TIMEOUT = 10.0
"""Seconds to wait for a reply. Longer than any blocking command of ours, short enough that a connection whose
other end vanished is noticed (a stock RQ worker waits 415 s)."""

TRANSIENT = (ConnectionError, TimeoutError)
"""What redis-py raises where trying again later makes sense. Wrong credentials are among them on purpose: a daemon
waits for the operator to mend them."""

_PACKER = PythonRespSerializer(6000, Encoder("utf-8", "surrogateescape", decode_responses=False).encode)
"""How commands are written, in pieces of 6,000 bytes. hiredis, which redis-py would use, knows no `encoding_errors`."""

UNTRUSTED = "CERTIFICATE_VERIFY_FAILED"
"""What OpenSSL says of a certificate by nobody whom we trust, or of another server."""

_PASSING = re.compile(r"(?:^|-)(?:OOM|MISCONF|READONLY|NOREPLICAS|BUSY) ")
"""How Redis begins to say that it is full, cannot write to its disk, is read-only, lacks replicas, or is held by a
script of somebody's; inside a script Redis 6.2 puts `-` before it."""

_IN_A_SCRIPT = re.compile(r" script: [0-9a-f]{40}, on @user_script:\d+\.?$")


class _Secured(SSLConnection):  # type: ignore[misc]  # redis-py says nothing of its type
    """TLS that has begun as soon as a connection should: a server without it says nothing, and waits for more."""

    def _wrap_socket_with_ssl(self, sock: Any) -> Any:
        sock.settimeout(self.socket_connect_timeout)
        secured = super()._wrap_socket_with_ssl(sock)
        secured.settimeout(self.socket_timeout)
        return secured


def connect(settings: Settings, *, name: str = "qctl") -> Redis:
    """A client for the Redis of `settings`. Nothing is sent until it is used. `name` shows in CLIENT LIST.

    Raises SettingsError where the URL cannot be understood, or QUEUE_PREFIX comes too late.
    """
    key_prefix.check(settings)
    try:
        client = Redis.from_url(
            settings.redis_target,
            socket_connect_timeout=CONNECT_TIMEOUT,
            socket_timeout=REPLY_TIMEOUT,
            retry=Retry(NoBackoff(), 0),
            client_name=name,
            encoding_errors="surrogateescape",
            command_packer=_PACKER,
            protocol=2,
            **({} if settings.redis_target.startswith("unix") else {"socket_keepalive": True}),
            **({"connection_class": _Secured} if settings.redis_target.startswith("rediss") else {}),
        )
        # Options in the URL are looked at only when a connection is made of them.
        client.connection_pool.connection_class(**client.connection_pool.connection_kwargs)
        return client
    except (TypeError, ValueError, redis.RedisError) as error:
        raise SettingsError("REDIS_URL", f"cannot be used: {error}") from error


@contextmanager
def translated(settings: Settings) -> Iterator[None]:
    """Raise what Redis raises as RedisUnreachableError, RefusedError, BackpressureError, or else QctlError."""
    where = redact_url(settings.redis_target)
    try:
        yield
    except (AuthenticationError, AuthorizationError) as error:
        raise RedisUnreachableError(
            f"Redis at {where} refuses the password: {error}", hint="set REDIS_URL or REDIS_PASSWORD"
        ) from error
    except BusyLoadingError as error:
        raise RedisUnreachableError(f"Redis at {where} is still loading its data", hint="try again soon") from error
    except TRANSIENT as error:
        raise _unreachable(where, error) from error
    except (NoPermissionError, ReadOnlyError) as error:
        raise RefusedError(f"Redis does not let this user do that: {_first_line(error)}") from error
    except OutOfMemoryError as error:
        raise BackpressureError(
            f"Redis at {where} is full: {_first_line(error)}",
            hint="make room with `qctl clear QUEUE --purge` or `qctl trash empty`, or raise maxmemory",
        ) from error
    except ResponseError as error:
        raise QctlError(f"Redis at {where} cannot do that: {_first_line(error)}") from error


def _unreachable(where: str, error: BaseException) -> RedisUnreachableError:
    said = _first_line(error)
    if UNTRUSTED in said:
        hint = "name the authority that it is certified by: REDIS_URL=rediss://...?ssl_ca_certs=/path/to/ca.pem"
        return RedisUnreachableError(f"Redis at {where} cannot be trusted: {said}", hint)
    hint = "start one with `qctl up`, or name yours with REDIS_URL"
    if where.startswith("rediss"):
        hint = "does it speak TLS on this port? redis:// is without"
    return RedisUnreachableError(f"Redis at {where} does not answer: {said}", hint)


def will_pass(error: BaseException) -> bool:
    """Whether trying again later makes sense: Redis is away, or refuses everybody's writes for now."""
    if isinstance(error, (*TRANSIENT, OutOfMemoryError, ReadOnlyError)):
        return True
    return isinstance(error, ResponseError) and bool(_PASSING.search(str(error).rpartition("caused error: ")[2]))


def _first_line(error: BaseException) -> str:
    """What it says, without where in which script of ours it happened."""
    return _IN_A_SCRIPT.sub("", (str(error).splitlines() or [type(error).__name__])[0])


class Backoff:
    """Waits between tries to reach a server: 1, 2, 4 ... 30 seconds, each up to a quarter shorter or longer."""

    def __init__(self, first: float = 1.0, most: float = 30.0) -> None:
        self._first = first
        self._most = most
        self.tries = 0

    def next(self) -> float:
        """Seconds to wait before the next try."""
        base: float = min(self._most, self._first * 2 ** min(self.tries, 16))
        self.tries += 1
        return base * random.uniform(0.75, 1.25)

    def reset(self) -> None:
        """The server answered: begin again with the shortest wait."""
        self.tries = 0


@contextmanager
def survive(what: str) -> Iterator[None]:
    """Log what went wrong and go on, unless it is Redis itself: poison in one place must not stop the others."""
    try:
        yield
    except Exception as error:
        if will_pass(error):
            raise
        log.error("cannot %s: %s: %s", what, type(error).__name__, error)  # noqa: TRY400 - a traceback each tick floods
