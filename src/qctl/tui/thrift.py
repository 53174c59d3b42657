"""An `Ops` that reads less where there is very much: of 1,000 queues those to which something happened.

Reading all of them takes a fifth of a second of a processor. So where that takes long, all are read every few seconds,
and between that those that events name; what people did first. Whether all is well is asked for less often then, too.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from qctl.models import Event, Health, Stats, Totals
from qctl.tui.daemons import DaemonOps

CHEAP = 0.03
"""Seconds of a processor that a reading may take to be made each time."""

SHARE = 50
"""Seconds for which a reading of everything is good, for each second that it took: it costs 2 % of a processor."""

MOST = 40
"""Queues that are read at once between two such readings: as many as a screen shows."""


class ThriftyOps:
    """Has every part that `ops` has, and the daemons of this machine."""

    def __init__(self, ops: Any) -> None:
        self._ops = ops
        self.daemons = DaemonOps()
        self.stats = _Stats(ops)
        self.health = _Health(ops)
        self.events = _Events(ops, self.stats.touch)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ops, name)


class _Kept:
    """What was read, and until when that is good."""

    def __init__(self) -> None:
        self.value: Any = None
        self.is_dear = False
        self._until = 0.0

    @property
    def is_good(self) -> bool:
        """Whether it need not be read again."""
        return self.value is not None and time.monotonic() < self._until

    def renew(self, read: Callable[[], Any]) -> Any:
        """Read it. It is good for longer where that takes long."""
        began = time.thread_time()
        self.value = read()
        took = time.thread_time() - began
        self.is_dear = took > CHEAP
        self._until = time.monotonic() + (SHARE * took if self.is_dear else 0.0)
        return self.value


class _Stats:
    def __init__(self, ops: Any) -> None:
        self._ops = ops
        self._all = _Kept()
        self._lock = threading.Lock()
        self._touched: dict[str, bool] = {}
        self._put_off = False

    def touch(self, events: list[Event]) -> None:
        """Something happened to these queues; `actor` is who did it."""
        with self._lock:
            for event in events:
                queue = event.fields.get("queue")
                if queue:
                    self._touched[queue] = self._touched.get(queue, False) or "actor" in event.fields

    def read(self) -> Stats:
        """Every queue; of those to which nothing happened, as they were a moment ago."""
        if not self._all.is_good and not self._may_put_off():
            with self._lock:
                self._touched.clear()
            return self._all.renew(self._ops.stats.read)  # type: ignore[no-any-return]
        with self._lock:
            names = sorted(self._touched, key=lambda name: not self._touched[name])[:MOST]
            for name in names:
                del self._touched[name]
        if names:
            self._all.value = _mended(self._all.value, self._ops.stats.read(only=names), names)
        return self._all.value  # type: ignore[no-any-return]

    def _may_put_off(self) -> bool:
        """Whether what somebody did is read first, and everything after that: once, or it would never be."""
        with self._lock:
            self._put_off = self._all.is_dear and not self._put_off and any(self._touched.values())
        return self._put_off

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ops.stats, name)


def _mended(before: Stats, some: Stats, names: list[str]) -> Stats:
    """All queues, these as they are now; one that is gone is left out."""
    kept = {queue.name: queue for queue in before.queues if queue.name not in names}
    queues = sorted((*kept.values(), *some.queues), key=lambda queue: queue.name)
    return replace(some, queues=queues, totals=Totals.of(queues))


class _Health:
    def __init__(self, ops: Any) -> None:
        self._ops = ops
        self._found = _Kept()

    def check(self) -> Health:
        """How the system is, or was a moment ago."""
        found: Health = self._found.value if self._found.is_good else self._found.renew(self._ops.health.check)
        return found

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ops.health, name)


class _Events:
    def __init__(self, ops: Any, touch: Callable[[list[Event]], None]) -> None:
        self._ops = ops
        self._touch = touch

    def follow(self, **given: Any) -> Iterator[list[Event]]:
        """The events, as they come."""
        for events in self._ops.events.follow(**given):
            self._touch(events)
            yield events

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ops.events, name)
