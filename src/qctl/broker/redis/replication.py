"""Waits until replicas have what is promised, before anybody is told.

With QCTL_REDIS_REPLICAS=N a promise counts once N replicas have received it: WAIT, sent in the packet of the write
itself, so that it costs no round trip to Redis of its own. WAIT covers everything that the primary had written before,
by any connection. If too few replicas answer in time, the write is on the primary all the same, and a failover may
lose it or not: NotReplicatedError is therefore an error of the connection, after which callers find out what Redis has.
With N=0, the default, all of this does nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from redis import Redis
from redis.client import Pipeline
from redis.exceptions import ConnectionError, ExecAbortError, NoPermissionError, NoScriptError, ResponseError

from qctl.broker.redis.cluster import Redirected, until_accepted
from qctl.broker.redis.protocol import Argument
from qctl.broker.redis.scripts import Script
from qctl.broker.redis.sentinel import Pool

WAIT_MS = 1000
"""Time that replicas have to confirm. It is less than the time (s) after which a source gives up its connection."""

Command = Sequence[Argument]


class NotReplicatedError(ConnectionError):
    """Too few replicas have confirmed a write, or the primary changed before they could."""


def required(connection: Redis) -> int:
    """Return how many replicas must have what is promised."""
    return int(getattr(connection, "replicas", 0))


def execute(connection: Redis, pipe: Pipeline) -> list[Any]:
    """Execute a transaction that watches no key, and wait for the replicas. The replies are as Redis sends them.

    Raises redis-py's exceptions; NotReplicatedError if the transaction was applied and too few replicas have it.
    """
    if not required(connection):
        return list(pipe.execute())
    commands = [args for args, _ in pipe.command_stack]
    _, *queued, result = _send(connection, [("MULTI",), *commands, ("EXEC",)])
    for number, (command, reply) in enumerate(zip(commands, queued, strict=True), 1):
        _raise_error(pipe, reply, number, command)
    if isinstance(result, ExecAbortError):
        raise result
    for number, (command, reply) in enumerate(zip(commands, result, strict=True), 1):
        _raise_error(pipe, reply, number, command)
    return list(result)


def _raise_error(pipe: Pipeline, reply: object, number: int, command: Sequence[object]) -> None:
    if isinstance(reply, Exception):
        pipe.annotate_exception(reply, number, command)
        raise reply


def run(connection: Redis, script: Script, /, **values: Any) -> object:
    """Run a script with values by name as calling it does, and wait for the replicas. Raises as `execute` does."""
    if not required(connection):
        return script(connection, **values)
    keys, args = script.pack(values)
    words = (len(keys), *keys, *args)
    (reply,) = _send(connection, [("EVALSHA", script.sha, *words)])
    if isinstance(reply, NoScriptError):
        (reply,) = _send(connection, [("EVAL", script.body, *words)])
    if isinstance(reply, Exception):
        raise reply
    return reply


def run_each(connection: Redis, script: Script, calls: Sequence[Mapping[str, Any]]) -> list[Any]:
    """Run a script once for each of `calls`, values by name, in one round trip, and wait for the replicas.

    Returns for each call the reply, or Redis's error. Raises as `execute` does if Redis is away: then each call may
    have been run or not.
    """
    packed = [(len(keys), *keys, *args) for keys, args in map(script.pack, calls)]
    replies = _send(connection, [("EVALSHA", script.sha, *words) for words in packed])
    if unknown := [n for n, reply in enumerate(replies) if isinstance(reply, NoScriptError)]:
        again = _send(connection, [("EVAL", script.body, *packed[n]) for n in unknown])
        for n, reply in zip(unknown, again, strict=True):
            replies[n] = reply
    return replies


def confirm(connection: Redis, primary: object = None) -> None:
    """Wait until the replicas have everything that was written before.

    `primary` is what `current_primary` returned before the first of these writes: if another server has become the
    primary since, it may lack some of them. Raises NotReplicatedError.
    """
    if not required(connection):
        return
    _send(connection, [("PING",)])
    if primary is not None and current_primary(connection) != primary:
        raise NotReplicatedError("another server became the primary meanwhile")


def current_primary(connection: Redis) -> object:
    """Return what identifies the primary of now, None if that need not be known."""
    pool = connection.connection_pool
    if not required(connection) or not isinstance(pool, Pool):
        return None
    if pool.master_address is None:
        connection.ping()
    return pool.master_address


def _send(connection: Redis, commands: Sequence[Command]) -> list[Any]:
    """Send commands, and WAIT if replicas are required, in one packet; again if a node of a cluster refused all.

    Returns the replies to the commands, errors among them. Raises NotReplicatedError, unless a command failed: its
    error says more.
    """
    return until_accepted(lambda: _send_once(connection, commands))


def _send_once(connection: Redis, commands: Sequence[Command]) -> list[Any]:
    needed = required(connection)
    pool = connection.connection_pool
    link = pool.get_connection()
    try:
        wait: list[Command] = [("WAIT", needed, WAIT_MS)] if needed else []
        link.send_packed_command(link.pack_commands([*commands, *wait]))
        replies = [_read(link) for _ in commands]
        confirmed = _read(link) if needed else 0
        if not any(isinstance(reply, Exception) for reply in replies):
            _require(confirmed, needed, pool)
        _raise_refusal(replies)
    except BaseException:
        link.disconnect()  # replies that are still to come would be read as those to the next command
        raise
    finally:
        pool.release(link)
    return replies


def _raise_refusal(replies: Sequence[object]) -> None:
    """Raise the refusal of a node of a cluster, if there is one: of one script, or of a transaction as a whole."""
    for reply in replies:
        if isinstance(reply, Redirected):
            raise reply


def _read(link: Any) -> Any:
    try:
        return link.read_response()
    except ResponseError as error:
        return error


def _require(confirmed: Any, needed: int, pool: object) -> None:
    """Raise NotReplicatedError, or the error of a user who may not run WAIT, if the reply to it is not enough."""
    if isinstance(confirmed, NoPermissionError):
        raise confirmed
    if isinstance(confirmed, int) and confirmed >= needed:
        return
    if isinstance(pool, Pool):
        pool.sentinel_manager.ask_another()  # this primary may be cut off from the others
    if isinstance(confirmed, Exception):
        raise NotReplicatedError(f"the replicas could not be asked: {confirmed}")
    raise NotReplicatedError(f"only {confirmed} of {needed} replicas have it after {WAIT_MS} ms")
