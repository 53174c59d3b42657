"""Forking beside a thread that talks to Redis.

A child has the locks of redis-py as they were when it was forked, and no thread that would release them: it waits for
ever if another thread held one at that moment. (`ConnectionPool.reset`, by which a child makes its pool anew, begins by
taking the pool's lock.) So every fork, by qctl, RQ or a job, waits until no guarded thread talks to Redis.
"""

from __future__ import annotations

import os
import threading
from types import TracebackType
from weakref import WeakSet


class ForkGuard:
    """A context in which a thread talks to Redis: while it lasts, no other thread forks."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        _guards.add(self)

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lock.release()


_guards: WeakSet[ForkGuard] = WeakSet()
_held_by_forks: list[list[ForkGuard]] = []
"""The guards that each fork under way holds."""


def _hold_all() -> None:
    guards = list(_guards)
    for guard in guards:
        guard.__enter__()
    _held_by_forks.append(guards)


def _release_all() -> None:
    for guard in _held_by_forks.pop():
        guard.__exit__(None, None, None)


os.register_at_fork(before=_hold_all, after_in_parent=_release_all, after_in_child=_release_all)
