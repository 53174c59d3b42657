"""An `Ops` that reads less where there is very much: of 1,000 queues those to which something happened.

Reading all of them takes a tenth of a second of a processor. So where that takes long, all is read every few seconds;
between that the counts of all, each second, and the rest of those queues that events name, what people did first. What
else is dear, as whether all is well and what was measured over hours, is asked for less often then, too.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from qctl.models import Event, Health, Series, Stats, Totals
from qctl.tui.data.dead_letter_cache import KeptLetters
from qctl.tui.data.local_daemons import DaemonOps
from qctl.tui.data.timed_cache import Kept

MOST = 40
"""Queues that are read at once between two readings of all: as many as a screen shows."""

RECOUNT = 0.5
"""Seconds for which counts are good: what is shown is hardly ever older than a second."""

FORGET = 5000
"""Names of queues to which something happened that are kept until they are read; where there are more, all are read."""

SERIES = 4
"""Measured series that are kept: of the spans and queues that were looked at last."""


class ThriftyOps:
    """Has every part that `ops` has, and the daemons of this machine."""

    def __init__(self, ops: Any) -> None:
        self._ops = ops
        self.daemons = DaemonOps()
        self.stats = _Stats(ops)
        self.health = _Health(ops, self.stats)
        self.dead_letters = KeptLetters(ops, self.stats.counted)
        self.metrics = _Metrics(ops)
        self.events = _Events(ops, self._touch)

    def _touch(self, events: list[Event]) -> None:
        self.stats.touch(events)
        self.dead_letters.touch(events)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ops, name)


class _Stats:
    def __init__(self, ops: Any) -> None:
        self._ops = ops
        self._all = Kept()
        self._lock = threading.Lock()
        self._touched: dict[str, bool] = {}
        self._put_off = False
        self._counted_at = 0.0

    def touch(self, events: list[Event]) -> None:
        """Something happened to these queues; `actor` is who did it."""
        with self._lock:
            for event in events:
                queue = event.fields.get("queue")
                if queue:
                    self._touched[queue] = self._touched.get(queue, False) or "actor" in event.fields
            if len(self._touched) > FORGET:
                self._touched.clear()
                self._all.spoil()

    def read(self) -> Stats:
        """Every queue; of those to which nothing happened, as they were a moment ago."""
        if not self._all.is_good and not self._may_put_off():
            return self._everything()
        self.counted()
        with self._lock:
            names = sorted(self._touched, key=lambda name: not self._touched[name])[:MOST]
            for name in names:
                del self._touched[name]
        if names:
            self._all.value = _mended(self._all.value, self._ops.stats.read(only=names), names)
        return self._all.value  # type: ignore[no-any-return]

    def counted(self) -> Stats:
        """Every queue with its counts as they are, or were less than a second ago; all else may be older."""
        if self._all.value and time.monotonic() - self._counted_at < RECOUNT:
            return self._all.value  # type: ignore[no-any-return]
        if not (self._all.value and self._all.is_dear):
            return self._everything()
        self._all.value = self._ops.stats.recounted(self._all.value)
        self._counted_at = time.monotonic()
        return self._all.value  # type: ignore[no-any-return]

    def _everything(self) -> Stats:
        with self._lock:
            self._touched.clear()
        found: Stats = self._all.renew(self._ops.stats.read)
        self._counted_at = time.monotonic()
        return found

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
    def __init__(self, ops: Any, stats: _Stats) -> None:
        self._ops = ops
        self._stats = stats
        self._found = Kept()

    def check(self) -> Health:
        """How the system is, or was a moment ago."""
        if self._found.is_good:
            return self._found.value  # type: ignore[no-any-return]
        stats = self._stats.counted()
        return self._found.renew(lambda: self._ops.health.check(stats))  # type: ignore[no-any-return]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ops.health, name)


class _Metrics:
    def __init__(self, ops: Any) -> None:
        self._ops = ops
        self._kept: dict[str, Kept] = {}

    def series(self, **asked: Any) -> Series:
        """What was measured, as of a moment ago."""
        kept = self._kept.pop(str(asked), None) or Kept()
        self._kept[str(asked)] = kept
        for old in list(self._kept)[:-SERIES]:
            del self._kept[old]
        return kept.value if kept.is_good else kept.renew(lambda: self._ops.metrics.series(**asked))  # type: ignore[no-any-return]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ops.metrics, name)


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
