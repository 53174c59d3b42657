"""Statistics of one queue, read by two pipelines that all queues share. Writes nothing.

The second pipeline reads only keys that the first found to exist: nothing for an idle queue.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from itertools import islice
from typing import TYPE_CHECKING

from redis.client import Pipeline

from qctl.broker.bookkeeping import counters
from qctl.broker.bookkeeping.counters import CountWindow, DurationHistograms
from qctl.broker.query import unreal_jobs
from qctl.broker.redis import keys, relation_keys, replies, untrusted_fields
from qctl.models import Pause, QueueStats, UnrealJobs

if TYPE_CHECKING:
    from qctl.models import State

_READS = (
    *("waiting", "started", "scheduled", "deferred", "finished", "failed", "quarantine"),
    *("ready", "head", "workers"),
)
"""Names of the first reads of every queue, in their order; the counts follow."""

LIST_ENTRY_BYTES = 5
"""Memory (bytes) that an entry of a Redis list takes besides its text."""


class QueueSnapshot:
    """Statistics of one queue while they are read; `at` is Redis's time in seconds.

    Call `stage_first`, `take_first`, `stage_second`, `take_second` and `to_stats` in that order.
    """

    def __init__(self, name: str, at: float) -> None:
        self.name = name
        self._at = at
        self._first: dict[str, object] = {}
        self._counts: list[object] = []
        self._window = CountWindow(({}, {}), at % 60)
        self._minutes: list[int] = []
        self._age: float | None = None
        self._job_size: int | None = None
        self._times = DurationHistograms()

    def stage_first(self, pipe: Pipeline) -> None:
        """Add the first reads to a pipeline."""
        name = self.name
        pipe.llen(keys.queue(name))
        for registry in (keys.started, keys.scheduled, keys.deferred, keys.finished, keys.failed):
            pipe.zcard(registry(name))
        pipe.hlen(keys.quarantine(name))
        pipe.zcard(relation_keys.ready(name))
        pipe.lindex(keys.queue(name), 0)
        pipe.smembers(keys.queue_workers(name))
        counters.queue_window_reads(pipe, name, self._at)

    def take_first(self, answers: Iterator[object]) -> None:
        """Take the replies to `stage_first`."""
        self._first = dict(zip(_READS, islice(answers, len(_READS)), strict=True))
        self._counts = list(islice(answers, len(counters.window_hours(self._at))))
        try:
            if not any(map(replies.is_wrong_type, self._counts)):
                self._window = counters.parse_window(
                    [replies.field_values(reply, 0) for reply in self._counts], self._at
                )
        except ValueError:
            pass  # counts that are not numbers hide only the rates

    @property
    def _head(self) -> str | None:
        """Id of the job that has waited longest."""
        head = replies.optional_bytes(self._first["head"])
        return None if head is None else untrusted_fields.decode(head)

    @property
    def busy_minutes(self) -> list[int]:
        """Recent minutes in which runs ended, newest first."""
        recent = zip(counters.window_minutes(self._at), self._window.minutes, strict=False)
        return [minute for minute, counts in recent if counts.get("finished") or counts.get("failed")]

    def stage_second(self, pipe: Pipeline, minutes: int) -> None:
        """Add the reads that depend on the first to a pipeline: the age of the oldest job, the size of a job, and the
        durations in the newest `minutes` in which a run ended."""
        if self._head is not None:
            pipe.hmget(keys.job(self._head), "enqueued_at", "created_at")
            pipe.memory_usage(keys.job(self._head), samples=0)
        self._minutes = self.busy_minutes[:minutes]
        for minute in self._minutes:
            pipe.hgetall(keys.durations(self.name, minute))

    def take_second(self, answers: Iterator[object]) -> None:
        """Take the replies to `stage_second`."""
        if self._head is not None:
            times = replies.field_values(next(answers), 2)
            since = next((time for raw in times if (time := untrusted_fields.parse_time(raw))), None)
            self._age = max(0.0, self._at - since.timestamp()) if since else None
            size = next(answers)
            self._job_size = size if isinstance(size, int) else None
        self._times = counters.parse_times([replies.bytes_dict(raw) for raw in islice(answers, len(self._minutes))])

    @property
    def sizes(self) -> list[tuple[str, State, int]]:
        """Sizes of the locations in which there may be entries that are no jobs any more."""
        names = {state: "quarantine" if state == "quarantined" else state for state in unreal_jobs.CHECKED_STATES}
        return [(self.name, state, size) for state, name in names.items() if isinstance(size := self._first[name], int)]

    def to_stats(self, pause: Pause | None, alive: Collection[bytes], unreal: UnrealJobs) -> QueueStats:
        """Return the statistics. `alive` has the keys of the workers that live; `unreal` are left out of the counts."""
        for name, reply in (*self._first.items(), *(("counts", counts) for counts in self._counts)):
            if replies.is_wrong_type(reply):
                return QueueStats(
                    self.name, paused=pause, error=f"its key for {name} holds another type than it should"
                )
        first = self._first
        waiting = replies.integer(first["waiting"])
        listeners = frozenset(
            untrusted_fields.decode(key) for key in replies.bytes_set(first["workers"]) if key in alive
        )
        has_counts = not self._window.is_empty
        return QueueStats(
            name=self.name,
            waiting=waiting,
            running=replies.integer(first["started"]) - unreal.of("started"),
            scheduled=replies.integer(first["scheduled"]) - unreal.of("scheduled"),
            deferred=replies.integer(first["deferred"]) + replies.integer(first["ready"]) - unreal.of("deferred"),
            dead=replies.integer(first["failed"])
            + replies.integer(first["quarantine"])
            - unreal.of("failed", "quarantined"),
            finished=replies.integer(first["finished"]) - unreal.of("finished"),
            oldest_age=self._age,
            in_rate=self._window.arrivals(waiting) if has_counts else None,
            out_rate=self._window.rate("finished") if has_counts else None,
            taken_rate=self._window.rate("taken") if has_counts else None,
            dead_rate=self._window.rate("dead") if has_counts else None,
            recent_finished=self._window.sum("finished"),
            recent_failed=self._window.sum("failed"),
            waits=self._times.waits,
            runs=self._times.all_runs,
            memory=self._memory(waiting),
            paused=pause,
            workers=len(listeners),
            listeners=listeners,
            unreal=unreal,
        )

    def _memory(self, waiting: int) -> int | None:
        """Return the bytes of the waiting jobs, if all are like the first. None if this user may not read a size."""
        if not waiting:
            return 0
        if self._job_size is None:
            return None
        return waiting * (self._job_size + len(self._head or "") + LIST_ENTRY_BYTES)
