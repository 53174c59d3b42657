"""Dead letters of very many queues by their causes: between two readings of all, those of queues that changed."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from qctl.models import Cause, Causes, DeadLetters, Event, Selector, Stats
from qctl.tui.data.timed_cache import Kept

CHANGES = frozenset(
    {"dead", "retried", "quarantined", "discarded", "cleared", "restored", "purged", "moved", "imported"}
)
"""Events after which the dead letters of a queue may be others, though they are as many."""

FORGET = 5000
"""Names of queues that changed that are kept until they are read; where there are more, all are read."""

LISTS = 4
"""Lists of letters that are kept: of the causes that were looked at last."""


class KeptLetters:
    """The part `dead_letters`. `stats` brings every queue with its counts, a second old at most."""

    def __init__(self, ops: Any, stats: Callable[[], Stats]) -> None:
        self._ops = ops
        self._stats = stats
        self._lock = threading.Lock()
        self._touched: set[str] = set()
        self._all = Kept()
        self._merged = Causes([], 0, 0)
        self._lists: dict[tuple[Selector, int], tuple[Cause, Kept]] = {}

    def touch(self, events: list[Event]) -> None:
        """Something happened to these queues."""
        with self._lock:
            self._touched |= {e.fields["queue"] for e in events if e.event in CHANGES and "queue" in e.fields}
            if len(self._touched) > FORGET:
                self._touched.clear()
                self._all.spoil()

    def groups(self, queue: str | None = None) -> Causes:
        """Why they died."""
        if queue is not None:
            found: Causes = self._ops.dead_letters.groups(queue)
            return found
        with self._lock:
            touched, self._touched = self._touched, set()
        queues = self._stats().queues
        if not self._all.is_good:
            self._all.renew(lambda: self._ops.dead_letters.groups_of([queue.name for queue in queues]))
        else:
            known: dict[str, Causes] = self._all.value
            changed = [
                q.name for q in queues if q.name in touched or q.name not in known or q.dead != known[q.name].total
            ]
            gone = known.keys() - {queue.name for queue in queues}
            if not (changed or gone):
                return self._merged
            known.update(self._ops.dead_letters.groups_of(changed))
            for name in gone:
                del known[name]
        self._merged = Causes.merged(self._all.value.values())
        return self._merged

    def list(self, selector: Selector, *, limit: int) -> DeadLetters:
        """Letters. Those of a cause are read again where something of that changed."""
        cause = next((cause for cause in self._merged.causes if cause.fingerprint == selector.fingerprint), None)
        before, kept = self._lists.get((selector, limit), (None, Kept()))
        if cause is not None and cause == before and kept.is_good:
            found: DeadLetters = kept.value
            return found
        found = kept.renew(lambda: self._ops.dead_letters.list(selector, limit=limit))
        if cause is not None:
            self._lists.pop((selector, limit), None)
            self._lists[selector, limit] = cause, kept
            for old in list(self._lists)[:-LISTS]:
                del self._lists[old]
        return found

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ops.dead_letters, name)
