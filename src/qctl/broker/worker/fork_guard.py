"""Forking beside a thread that talks to Redis.

A child has the locks of redis-py as they were when it was forked, and no thread that would release them: it waits for
ever where another thread held one just then. (`ConnectionPool.reset`, by which a child makes its pool anew, begins by
taking the pool's lock.) So whoever forks, we, RQ or a job, waits until no such thread is talking.
"""

from __future__ import annotations

import os
import threading
from types import TracebackType
from weakref import WeakSet


class Talk:
    """What a thread does with Redis while others may fork: `with` it, nobody does."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        _talks.add(self)

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lock.release()


_talks: WeakSet[Talk] = WeakSet()
_stilled: list[list[Talk]] = []
"""Those that wait for each fork that is under way."""


def _wait_for_all() -> None:
    talks = list(_talks)
    for talk in talks:
        talk.__enter__()
    _stilled.append(talks)


def _go_on() -> None:
    for talk in _stilled.pop():
        talk.__exit__(None, None, None)


os.register_at_fork(before=_wait_for_all, after_in_parent=_go_on, after_in_child=_go_on)
