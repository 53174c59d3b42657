"""Locks for housekeeping that only one process may do at a time, on any host."""

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


class _LockWithoutMemory(Lock):
    """redis-py's lock, acquired by a script: a full Redis refuses SET, but not a script that has begun to write."""

    def do_acquire(self, token: str) -> bool:
        """Acquire the lock if nobody holds it."""
        return bool(_lock(self.redis, lock=self.name, token=token, ttl_ms=int((self.timeout or 0) * 1000)))


@contextmanager
def try_lock(connection: Redis, name: str, seconds: float) -> Iterator[Callable[[], None] | None]:
    """Keep other processes from the named housekeeping until the block ends. Yields None if another one holds the lock.

    Yields a function otherwise, to be called before each step: it extends the lock to `seconds` from then. A step that
    takes longer loses the lock, so that a process that was killed does not block the others; the function raises
    QctlError then.
    """
    lock = _LockWithoutMemory(connection, keys.lock(name), timeout=seconds, blocking=False)
    if not lock.acquire():
        yield None
        return

    def extend() -> None:
        try:
            lock.extend(seconds, replace_ttl=True)
        except LockError as error:
            raise QctlError(f"{name} took too long: another process has begun with it") from error

    try:
        yield extend
    finally:
        with suppress(LockError):  # another process holds it already
            lock.release()
