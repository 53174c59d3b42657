"""Opens Redis, and translates redis-py's exceptions into qctl's errors.

qctl's connections do not retry commands by themselves. redis-py's default would send a command again whose reply was
lost, which enqueues a job twice or loses a claimed one (measured on redis-py 8 with a proxy that drops replies). The
caller decides what can be sent again.
"""

from __future__ import annotations

import logging
import random
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, cast
from urllib.parse import unquote

import redis
from redis import Redis
from redis.backoff import NoBackoff
from redis.client import Pipeline
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

from qctl import ownership
from qctl.broker.redis import cluster, key_prefix, replication, sentinel
from qctl.broker.redis.cluster import Redirected
from qctl.broker.redis.cluster_slots import slot_of
from qctl.broker.redis.transport import Packer, TlsConnection
from qctl.errors import (
    BackpressureError,
    NotReplicatedError,
    QctlError,
    RedisUnreachableError,
    RefusedError,
    SettingsError,
)
from qctl.safe import redact_url
from qctl.settings import Settings, cluster_url, sentinel_url

log = logging.getLogger(__name__)

Connection = Redis
"""A client. Layers above use this name, because they do not import redis."""

CONNECT_TIMEOUT_SECONDS = 3.0
"""Time that Redis has to accept a connection."""

REPLY_TIMEOUT_SECONDS = 10.0
"""Time that Redis has to reply. Longer than any blocking command of qctl, short enough to notice a connection whose
other end vanished (a stock RQ worker waits 415 s)."""

TRANSIENT_ERRORS = (ConnectionError, TimeoutError)
"""redis-py's exceptions after which it makes sense to try again later. Wrong credentials are among them on purpose: a
daemon waits for the operator to correct them."""

UNTRUSTED_CERTIFICATE = "CERTIFICATE_VERIFY_FAILED"
"""OpenSSL's code for a certificate of an unknown authority or of another host."""

_TEMPORARY = re.compile(r"(?:^|-)(?:OOM|MISCONF|READONLY|NOREPLICAS|BUSY) ")
"""Matches the start of the error of a Redis that is full, cannot write to its disk, is read-only, lacks replicas, or
runs a long script; inside a script Redis 6.2 puts `-` before it."""

_DENIED_IN_SCRIPT = re.compile(r"The user executing the script can't|ACL failure in script|-NOPERM ")
"""Matches the error of a script whose user lacks a right for one of its commands: Redis 7.0, later ones and Valkey, and
6.2."""

_REFUSED_WRITES = (
    ("MISCONF", "cannot write to its disk and takes no writes", "check the disk and the log of Redis"),
    ("NOREPLICAS", "lacks replicas and takes no writes", "start its replicas, or lower min-replicas-to-write"),
    ("unknown command", "does not have a command that qctl needs", "enable EVALSHA and EVAL in redis.conf"),
)
"""For each error of a Redis that takes no writes: words in it, the cause, and what to do."""

_ANNOTATION = " of pipeline caused error: "
"""End of the text that redis-py puts before the error of a command in a pipeline."""

_ARGUMENTS = ", with args beginning with: "
"""Start of the arguments in Redis's error about an unknown command."""

_CERTIFICATE_OPTIONS = ("ssl_ca_certs", "ssl_ca_path", "ssl_certfile", "ssl_keyfile")
"""Options of a URL that name files which decide whom qctl trusts, and as whom it logs in."""

_SCRIPT_LOCATION = re.compile(r" script: [0-9a-f]{40}, on @user_script:\d+\.?$")


class _Pipeline(Pipeline):
    """A pipeline whose errors name the command that failed, without its arguments: they may be the data of users."""

    def annotate_exception(self, exception: Exception, number: int, command: Sequence[object]) -> None:
        """Put the number and the name of the command before the error's text."""
        super().annotate_exception(exception, number, command[:1])

    def execute(self, raise_on_error: bool = True) -> list[Any]:
        """Run the commands. Those that a node of a cluster refused are sent again, in their order, one by one."""
        if cast("bool", self.transaction) or self.explicit_transaction:
            return list(super().execute(raise_on_error))
        commands = list(self.command_stack)
        found = list(super().execute(raise_on_error=False))
        for number, (reply, (args, options)) in enumerate(zip(found, commands, strict=True)):
            if isinstance(reply, Redirected):
                found[number] = self._run_alone(args, options)
        if raise_on_error:
            self.raise_first_error(commands, found)
        return found

    def _run_alone(self, args: Sequence[object], options: dict[str, Any]) -> Any:
        try:
            return self.immediate_execute_command(*args, **options)
        except ResponseError as error:
            return error
        finally:
            self.reset()


class _Client(Redis):
    """A client whose pipelines name the command that failed. `replicas` must have what is promised."""

    replicas = 0

    def pipeline(self, transaction: bool = True, shard_hint: str | None = None) -> Pipeline:
        """Return a new pipeline."""
        return _Pipeline(self.connection_pool, self.response_callbacks, transaction, shard_hint)


def connect(settings: Settings, *, name: str = "qctl", replica: bool = False) -> Redis:
    """Return a client for the Redis of `settings`. It connects when it is first used. `name` shows in CLIENT LIST.

    With `replica` it is for one of its replicas, to read only. Raises SettingsError if the URL cannot be understood or
    names a certificate that breaks the ownership rule, if it names no Sentinels who know the replicas, or if
    QUEUE_PREFIX was set too late.
    """
    key_prefix.check(settings)
    url = _without_own_options(settings.redis_target)
    if replica and not (sentinel_url.is_sentinel(url) or cluster_url.is_cluster(url)):
        raise SettingsError("REDIS_URL", "names no Sentinels, who know the replicas", "omit --replica")
    options: dict[str, Any] = {
        "socket_connect_timeout": CONNECT_TIMEOUT_SECONDS,
        "socket_timeout": REPLY_TIMEOUT_SECONDS,
        "retry": Retry(NoBackoff(), 0),
        "client_name": name,
        "encoding_errors": "surrogateescape",
        "command_packer": Packer(),
        "protocol": 2,
    }
    try:
        client = _client(url, options, replica=replica)
        # redis-py checks the options of the URL only when it makes a connection.
        client.connection_pool.connection_class(**client.connection_pool.connection_kwargs)
    except (TypeError, ValueError, redis.RedisError) as error:
        raise SettingsError("REDIS_URL", f"cannot be used: {error}") from error
    client.replicas = 0 if replica else settings.redis_replicas
    for option in _CERTIFICATE_OPTIONS:
        if file := client.connection_pool.connection_kwargs.get(option):
            ownership.require(file)
    return client


def _client(url: str, options: dict[str, Any], *, replica: bool) -> _Client:
    if sentinel_url.is_sentinel(url):
        pool = sentinel.make_pool(url, replica=replica, **options)
    elif cluster_url.is_cluster(url):
        pool = cluster.make_pool(url, slot_of(key_prefix.TAG), replica=replica, **options)
    else:
        return _single(url, options)
    return cast("_Client", _Client.from_pool(pool))


def _single(url: str, options: dict[str, Any]) -> _Client:
    keepalive = {} if url.startswith("unix") else {"socket_keepalive": True}
    tls = {"connection_class": TlsConnection} if url.startswith("rediss") else {}
    return cast("_Client", _Client.from_url(url, **options, **keepalive, **tls))


def replica_address(connection: Redis, settings: Settings) -> str:
    """Return HOST:PORT of the replica that a client of replicas reads. Raises RedisUnreachableError if none is up."""
    with translate_errors(settings):
        return cast("sentinel.Pool", connection.connection_pool).replica_address


OWN_OPTIONS = frozenset(
    {
        *("client_name", "decode_responses", "encoding", "encoding_errors", "errors", "charset", "protocol"),
        *("socket_timeout", "timeout", "retry", "retry_on_timeout", "retry_on_error", "health_check_interval"),
        *("max_connections", "single_connection_client", "lib_name", "lib_version", "legacy_responses"),
        *("socket_read_size", "parser_class", "command_packer", "socket_keepalive"),
    }
)
"""Options of redis-py that qctl sets itself. In REDIS_URL, where applications of their own may need them, they are
ignored: qctl relies on bytes, on its own timeouts, and on commands that are not sent twice."""


def _without_own_options(url: str) -> str:
    base, _, query = url.partition("?")
    options = [pair for pair in query.split("&") if pair and unquote(pair.partition("=")[0]) not in OWN_OPTIONS]
    return f"{base}?{'&'.join(options)}" if options else base


@contextmanager
def translate_errors(settings: Settings) -> Iterator[None]:
    """Raise redis-py's exceptions as RedisUnreachableError, RefusedError, BackpressureError, or else QctlError."""
    target = redact_url(settings.redis_target)
    try:
        yield
    except (AuthenticationError, AuthorizationError) as error:
        raise RedisUnreachableError(
            f"Redis at {target} refuses the password: {error}", hint="set REDIS_URL or REDIS_PASSWORD"
        ) from error
    except BusyLoadingError as error:
        raise RedisUnreachableError(f"Redis at {target} is still loading its data", hint="try again soon") from error
    except replication.NotReplicatedError as error:
        raise NotReplicatedError(
            f"not confirmed by the replicas of Redis at {target}: {describe(error)}; a failover may lose it",
            hint="run: qctl doctor, then repeat what you did: nothing is done twice",
        ) from error
    except Redirected as error:
        raise RedisUnreachableError(
            f"Redis Cluster at {target} runs no commands of this site at present: {describe(error)}",
            hint="try again soon, or run: qctl doctor",
        ) from error
    except TRANSIENT_ERRORS as error:
        raise _unreachable(target, error) from error
    except ReadOnlyError as error:
        raise RefusedError(
            f"Redis at {target} is a read-only replica and takes no writes", hint="name the primary with REDIS_URL"
        ) from error
    except NoPermissionError as error:
        raise RefusedError(f"Redis does not let this user do that: {describe(error)}") from error
    except OutOfMemoryError as error:
        raise BackpressureError(
            f"Redis at {target} is full: {describe(error)}",
            hint="make room with `qctl clear QUEUE --purge` or `qctl trash empty`, or raise maxmemory",
        ) from error
    except ResponseError as error:
        text = describe(error)
        cause, hint = _refusal(text)
        raise QctlError(f"Redis at {target} {cause}: {text}", hint) from error


def translated(error: Exception, settings: Settings) -> QctlError:
    """The error as which `translate_errors` raises one of redis-py's; one of qctl's own stays as it is."""
    try:
        with translate_errors(settings):
            raise error
    except QctlError as own:
        return own


def _unreachable(target: str, error: BaseException) -> RedisUnreachableError:
    reason = describe(error)
    if UNTRUSTED_CERTIFICATE in reason:
        hint = "name the authority that certified it: REDIS_URL=rediss://...?ssl_ca_certs=/path/to/ca.pem"
        return RedisUnreachableError(f"Redis at {target} cannot be trusted: {reason}", hint)
    hint = "start one with `qctl up`, or name yours with REDIS_URL"
    if target.startswith("rediss"):
        hint = "does it speak TLS on this port? redis:// is without TLS"
    return RedisUnreachableError(f"Redis at {target} does not answer: {reason}", hint)


def is_temporary(error: BaseException) -> bool:
    """Tell whether it makes sense to try again later: Redis is away, or refuses writes for now, or its administrator
    took a right away."""
    if isinstance(error, (*TRANSIENT_ERRORS, OutOfMemoryError, ReadOnlyError)) or _is_denied(error):
        return True
    return isinstance(error, ResponseError) and bool(_TEMPORARY.search(str(error).rpartition(_ANNOTATION)[2]))


def _is_denied(error: BaseException) -> bool:
    """Tell whether the user of Redis lacks a right, for the command itself or for one in a script."""
    if isinstance(error, NoPermissionError):
        return True
    return isinstance(error, ResponseError) and bool(_DENIED_IN_SCRIPT.search(str(error)))


def describe(error: BaseException) -> str:
    """Return the first line of an error's text, without the place in qctl's script that raised it, and without the
    arguments of the command, which may be the data of users."""
    text = str(error).rpartition(_ANNOTATION)[2].partition(_ARGUMENTS)[0]
    return _SCRIPT_LOCATION.sub("", (text.splitlines() or [type(error).__name__])[0])


def explain(error: redis.RedisError) -> str:
    """Return the cause of a failed attempt, for the log of a daemon that tries again."""
    text = describe(error)
    if isinstance(error, (AuthenticationError, AuthorizationError)):
        return f"Redis refuses the password ({text})"
    if isinstance(error, replication.NotReplicatedError):
        return f"the replicas of Redis do not confirm ({text})"
    if isinstance(error, Redirected):
        return f"Redis Cluster runs no commands ({text})"
    if isinstance(error, TRANSIENT_ERRORS):
        return f"Redis is away ({text})"
    if _is_denied(error):
        return f"Redis does not let this user do that ({text})"
    if isinstance(error, ReadOnlyError):
        return f"Redis is a read-only replica and takes no writes ({text})"
    if isinstance(error, OutOfMemoryError):
        return f"Redis is full ({text})"
    return f"Redis {_refusal(text)[0]} ({text})"


def _refusal(text: str) -> tuple[str, str | None]:
    """Return the cause of a Redis's error, and what to do about it."""
    return next(((cause, hint) for code, cause, hint in _REFUSED_WRITES if code in text), ("cannot do that", None))


class Backoff:
    """Delays between attempts to reach a server: they double up to the longest, each up to a quarter shorter or longer.

    By default data flows again within 4 s after a server is back.
    """

    def __init__(self, first_seconds: float = 0.5, max_seconds: float = 3.0) -> None:
        self._first = first_seconds
        self._max = max_seconds
        self.attempts = 0

    def next_delay(self) -> float:
        """Return the seconds to wait before the next attempt."""
        base: float = min(self._max, self._first * 2 ** min(self.attempts, 16))
        self.attempts += 1
        return base * random.uniform(0.75, 1.25)

    def reset(self) -> None:
        """Begin again with the shortest delay, because the server answered."""
        self.attempts = 0


@contextmanager
def log_and_continue(action: str) -> Iterator[None]:
    """Log an error and go on, so that corrupt data in one place, or a right that one step lacks, does not stop the
    others. A Redis that is away or takes no writes is raised."""
    try:
        yield
    except Exception as error:
        if is_temporary(error) and not _is_denied(error):
            raise
        # A traceback for each of many corrupt entries would flood the log.
        text = describe(error) if isinstance(error, redis.RedisError) else error
        log.error("cannot %s: %s: %s", action, type(error).__name__, text)  # noqa: TRY400
