"""Locks for housekeeping that one process at a time may do, on whatever host it runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from redis import Redis
from redis.exceptions import LockError
from redis.lock import Lock

from qctl.broker.redis import keys
from qctl.broker.redis.scripts import Script
from qctl.errors import QctlError

_lock = Script("redis/lock")


class _RoomlessLock(Lock):  # type: ignore[misc] # redis-py counts as untyped
    """redis-py's lock, which is taken by a script: SET needs room, and a full Redis has none."""

    def do_acquire(self, token: str) -> bool:
        """Take it where nobody holds it."""
        return bool(_lock(self.redis, [self.name], [token, int(self.timeout * 1000)]))


@contextmanager
def alone(connection: Redis, name: str, seconds: float) -> Iterator[Callable[[], None] | None]:
    """Keep all others from the named housekeeping until this ends; None where one of them does it already.

    What it gives is called before each step. Where a step takes longer than `seconds`, the others may begin, so that
    one that was killed does not stop them for ever; it raises QctlError then.
    """
    lock = _RoomlessLock(connection, keys.lock(name), timeout=seconds, blocking=False)
    if not lock.acquire():
        yield None
        return

    def go_on() -> None:
        try:
            lock.extend(seconds, replace_ttl=True)
        except LockError as error:
            raise QctlError(f"this took too long: another has begun with {name}") from error

    try:
        yield go_on
    finally:
        with suppress(LockError):  # another has it by now
            lock.release()
