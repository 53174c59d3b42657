"""Cache of dead letters by cause: between two reads of all queues, only changed queues are read."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from qctl.models import Cause, Causes, DeadLetterDetail, DeadLetters, Event, Selector, Stats
from qctl.tui.data.monitor_data import DeadLetterReader
from qctl.tui.data.timed_cache import TimedCache

if TYPE_CHECKING:
    from qctl.ops import Ops

CHANGING_EVENTS = frozenset(
    {"dead", "retried", "quarantined", "discarded", "cleared", "restored", "purged", "moved", "imported"}
)
"""Events after which a queue may hold other dead letters, even if their number is the same."""

MAX_CHANGED_QUEUES = 5000
"""Names of changed queues that are remembered until they are read. Beyond that, all queues are read."""

MAX_PATTERNS = 4
"""Patterns of queues whose causes are in the cache; the one used longest ago is evicted."""

MAX_LISTS = 4
"""Lists of dead letters in the cache; the one used longest ago is evicted."""


class DeadLetterCache(DeadLetterReader):
    """Dead letters and their causes. `read_stats` returns all queues with counts that are at most a second old."""

    def __init__(self, ops: Ops, read_stats: Callable[[], Stats]) -> None:
        self._ops = ops
        self._read_stats = read_stats
        self._lock = threading.Lock()
        self._changed: set[str] = set()
        self._by_queue: TimedCache[dict[str, Causes]] = TimedCache()
        self._merged = Causes([], 0, 0)
        self._patterns: dict[str, TimedCache[Causes]] = {}
        self._lists: dict[tuple[Selector, int], tuple[Cause, TimedCache[DeadLetters]]] = {}

    def mark_changed(self, events: Sequence[Event]) -> None:
        """Note the queues of these events for the next read."""
        changed = {e.fields["queue"] for e in events if e.event in CHANGING_EVENTS and "queue" in e.fields}
        with self._lock:
            self._changed |= changed
            for cache in self._patterns.values() if changed else ():
                cache.invalidate()
            if len(self._changed) > MAX_CHANGED_QUEUES:
                self._changed.clear()
                self._by_queue.invalidate()

    def groups(self, queue: str | None = None) -> Causes:
        """Return the causes of the dead letters of one queue or pattern, or of all."""
        if queue is not None:
            return self._of_pattern(queue)
        with self._lock:
            changed, self._changed = self._changed, set()
        queues = self._read_stats().queues
        known = self._by_queue.value
        if known is None or not self._by_queue.is_valid:
            known = self._by_queue.refresh(
                lambda: self._ops.dead_letters.groups_by_queue([queue.name for queue in queues])
            )
        else:
            stale = [
                q.name for q in queues if q.name in changed or q.name not in known or q.dead != known[q.name].total
            ]
            deleted = known.keys() - {queue.name for queue in queues}
            if not (stale or deleted):
                return self._merged
            known.update(self._ops.dead_letters.groups_by_queue(stale))
            for name in deleted:
                del known[name]
        self._merged = Causes.merged(known.values())
        return self._merged

    def _of_pattern(self, pattern: str) -> Causes:
        with self._lock:
            cache = self._patterns.pop(pattern, None) or TimedCache[Causes]()
            self._patterns[pattern] = cache
            for oldest in [*self._patterns][:-MAX_PATTERNS]:
                del self._patterns[oldest]
        if cache.value and cache.is_valid:
            return cache.value
        return cache.refresh(lambda: self._ops.dead_letters.groups(pattern))

    def list(self, selector: Selector, *, limit: int) -> DeadLetters:
        """Return dead letters. Those of a cause are read again if the cause changed."""
        cause = next((cause for cause in self._merged.causes if cause.fingerprint == selector.fingerprint), None)
        cached_cause, cache = self._lists.get((selector, limit), (None, TimedCache[DeadLetters]()))
        if cause is not None and cause == cached_cause and cache.value and cache.is_valid:
            return cache.value
        letters = cache.refresh(lambda: self._ops.dead_letters.list(selector, limit=limit))
        if cause is not None:
            self._lists.pop((selector, limit), None)
            self._lists[selector, limit] = cause, cache
            for oldest in [*self._lists][:-MAX_LISTS]:
                del self._lists[oldest]
        return letters

    def show(self, job_id: str) -> DeadLetterDetail:
        """Return one dead letter with its traceback and payload."""
        return self._ops.dead_letters.show(job_id)
