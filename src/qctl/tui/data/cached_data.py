"""Reads data from Redis, and caches it if there is very much: of 1,000 queues it reads those with new events.

A read of all queues takes a tenth of a second of processor time. If it is that expensive, all queues are read every few
seconds. Between two such reads, the counts of all queues are read each second, and the other fields of the queues that
events name; queues on which an operator acted come first. Health and measured series are then read less often, too.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from qctl.errors import QctlError
from qctl.models import Event, Health, Series, Stats, Totals
from qctl.ops.observed_rates import ObservedRates
from qctl.tui.data.dead_letter_cache import DeadLetterCache
from qctl.tui.data.local_daemons import LocalDaemons
from qctl.tui.data.monitor_data import (
    AuditReader,
    DaemonReader,
    DeadLetterReader,
    EventReader,
    ExplainReader,
    FlowReader,
    HealthReader,
    IngestReader,
    JobReader,
    MetricsReader,
    MonitorData,
    PoolReader,
    QueueReader,
    ScheduleReader,
    StatsReader,
    WorkerReader,
)
from qctl.tui.data.timed_cache import TimedCache

if TYPE_CHECKING:
    from qctl.ops import Ops

MAX_QUEUES_PER_READ = 40
"""Queues read at once between two reads of all: as many as fit on a screen. The rest wait for the next read."""

COUNT_TTL_SECONDS = 0.5
"""Seconds that counts stay valid, so that shown counts are rarely older than a second."""

MAX_CHANGED_QUEUES = 5000
"""Names of changed queues that are remembered until they are read. Beyond that, all queues are read."""

SERIES_TTL_SECONDS = 10.0
"""Seconds that measured series stay valid: their steps are minutes, and the overview shows them all the time."""

MAX_SERIES = 4
"""Measured series in the cache; the one used longest ago is evicted."""


class CachedData(MonitorData):
    """Data of one Redis. The parts that are not cached are those of `Ops`, which imports each on its first use."""

    def __init__(self, ops: Ops) -> None:
        self._ops = ops
        self._stats = StatsCache(ops)
        self._health = _HealthCache(ops, self._stats)
        self._dead_letters = DeadLetterCache(ops, self._stats.recent)
        self._metrics = MetricsCache(ops)
        self._events = _Events(ops, self._mark_changed)
        self._daemons = LocalDaemons()

    def _mark_changed(self, events: Sequence[Event]) -> None:
        self._stats.mark_changed(events)
        self._dead_letters.mark_changed(events)

    @property
    def stats(self) -> StatsReader:
        """Counts of all queues, cached."""
        return self._stats

    @property
    def health(self) -> HealthReader:
        """Health of the system, cached."""
        return self._health

    @property
    def events(self) -> EventReader:
        """The event stream, which invalidates caches as it is followed."""
        return self._events

    @property
    def dead_letters(self) -> DeadLetterReader:
        """Dead letters and their causes, cached."""
        return self._dead_letters

    @property
    def jobs(self) -> JobReader:
        """Jobs of all states."""
        return self._ops.jobs

    @property
    def flows(self) -> FlowReader:
        """Jobs that wait for each other, not cached."""
        return self._ops.flows

    @property
    def explain(self) -> ExplainReader:
        """Reasons why jobs do not run."""
        return self._ops.explain

    @property
    def queues(self) -> QueueReader:
        """One queue in full."""
        return self._ops.queues

    @property
    def workers(self) -> WorkerReader:
        """Live workers."""
        return self._ops.workers

    @property
    def ingest(self) -> IngestReader:
        """Ingest pipelines."""
        return self._ops.ingest

    @property
    def metrics(self) -> MetricsReader:
        """Measured series, cached."""
        return self._metrics

    @property
    def schedules(self) -> ScheduleReader:
        """Schedules and their next runs."""
        return self._ops.schedules

    @property
    def audit(self) -> AuditReader:
        """Changes that people made."""
        return self._ops.audit

    @property
    def pools(self) -> PoolReader:
        """Pools of workers."""
        return self._ops.pools

    @property
    def daemons(self) -> DaemonReader:
        """Daemons of this machine, polled."""
        return self._daemons


class StatsCache(StatsReader):
    """Counts of all queues."""

    def __init__(self, ops: Ops) -> None:
        self._ops = ops
        self._all: TimedCache[Stats] = TimedCache()
        self._lock = threading.Lock()
        self._changed: dict[str, bool] = {}
        """Changed queues that are not read yet; True if an operator acted on the queue."""
        self._deferred = False
        self._counted_at = 0.0
        self._observed = ObservedRates()

    def mark_changed(self, events: Sequence[Event]) -> None:
        """Note the queues of these events for the next read. An event with the field `actor` is an operator's."""
        with self._lock:
            for event in events:
                queue = event.fields.get("queue")
                if queue:
                    self._changed[queue] = self._changed.get(queue, False) or "actor" in event.fields
            if len(self._changed) > MAX_CHANGED_QUEUES:
                self._changed.clear()
                self._all.invalidate()

    def read(self) -> Stats:
        """Return all queues; those without new events may be as old as the cache allows.

        Rates that no worker counts are those observed in the last minute.
        """
        return self._observed.add_to(self._read())

    def _read(self) -> Stats:
        if not self._all.is_valid and not self._may_defer():
            return self._read_all()
        stats = self.recent()
        with self._lock:
            names = sorted(self._changed, key=lambda name: not self._changed[name])[:MAX_QUEUES_PER_READ]
            for name in names:
                del self._changed[name]
        if names:
            stats = self._all.value = _merged(stats, self._ops.stats.read(only=names), names)
        return stats

    def recent(self) -> Stats:
        """Return all queues with counts that are less than a second old; other fields may be older."""
        stats = self._all.value
        if stats and time.monotonic() - self._counted_at < COUNT_TTL_SECONDS:
            return stats
        if not (stats and self._all.is_expensive):
            return self._read_all()
        stats = self._all.value = self._ops.stats.recounted(stats)
        self._counted_at = time.monotonic()
        return stats

    def _read_all(self) -> Stats:
        with self._lock:
            self._changed.clear()
        stats = self._all.refresh(self._ops.stats.read)
        self._counted_at = time.monotonic()
        return stats

    def _may_defer(self) -> bool:
        """True if queues that an operator acted on are read first, and all queues after that. Only once in a row:
        otherwise frequent actions would defer the read of all queues for ever."""
        with self._lock:
            self._deferred = self._all.is_expensive and not self._deferred and any(self._changed.values())
        return self._deferred


def _merged(before: Stats, read: Stats, names: Sequence[str]) -> Stats:
    """All queues, with those of `names` as they were just read; deleted queues are left out."""
    unchanged = [queue for queue in before.queues if queue.name not in names]
    queues = sorted((*unchanged, *read.queues), key=lambda queue: queue.name)
    return replace(read, queues=queues, totals=Totals.of(queues))


class _HealthCache(HealthReader):
    def __init__(self, ops: Ops, stats: StatsCache) -> None:
        self._ops = ops
        self._stats = stats
        self._health: TimedCache[Health] = TimedCache()

    def check(self) -> Health:
        """Return the health of the system; it may be a few seconds old."""
        if self._health.value and self._health.is_valid:
            return self._health.value
        stats = self._stats.recent()
        return self._health.refresh(lambda: self._ops.health.check(stats))


class MetricsCache(MetricsReader):
    """Measured series."""

    def __init__(self, ops: Ops) -> None:
        self._ops = ops
        self._series: dict[tuple[tuple[str, ...], float, float], TimedCache[Series]] = {}

    def series(self, queues: Sequence[str] = (), *, seconds: float, step: float) -> Series:
        """Return measured series of these queues or of all; they may be a few seconds old."""
        key = tuple(queues), seconds, step
        cache = self._series.pop(key, None) or TimedCache(SERIES_TTL_SECONDS)
        self._series[key] = cache
        for oldest in list(self._series)[:-MAX_SERIES]:
            del self._series[oldest]
        if cache.value and cache.is_valid:
            return cache.value
        return cache.refresh(lambda: self._ops.metrics.series(queues, seconds=seconds, step=step))

    def depths(self) -> dict[str, dict[int, int]]:
        """Return the depths of the last minutes, by queue and by minute since 1970."""
        return self._ops.metrics.depths()


class _Events(EventReader):
    def __init__(self, ops: Ops, mark_changed: Callable[[Sequence[Event]], None]) -> None:
        self._ops = ops
        self._mark_changed = mark_changed

    def list(self, *, limit: int) -> Sequence[Event]:
        """Return the last events."""
        return self._ops.events.list(limit=limit)

    def last_id(self) -> str:
        """Return the id of the last event."""
        return self._ops.events.last_id()

    def follow(self, *, after: str, on_disconnect: Callable[[QctlError, float], None]) -> Iterator[Sequence[Event]]:
        """Yield events as they happen, after their queues were marked as changed."""
        for events in self._ops.events.follow(after=after, on_disconnect=on_disconnect):
            self._mark_changed(events)
            yield events
