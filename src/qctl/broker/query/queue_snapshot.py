"""One queue while it is read, by two pipelines that all queues share: what `snapshot` makes a `QueueStats` of.

The second asks only what the first showed to be there: of an idle queue it asks nothing. Writes nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from itertools import islice
from typing import Any

from redis.client import Pipeline

from qctl.broker.bookkeeping import counters
from qctl.broker.bookkeeping.counters import CountWindow, DurationHistograms
from qctl.broker.redis import keys, replies, untrusted_fields
from qctl.models import Pause, QueueStats

_ASKED = (
    *("waiting", "started", "scheduled", "deferred", "finished", "failed", "quarantine"),
    *("head", "workers"),
)
"""What `ask` asks of every queue, in its order; the counts follow."""

ENTRY = 5
"""Bytes that Redis's lists need for an entry beside its text."""


class QueueReading:
    """One queue by its name; `at` is Redis's time in seconds. Call `ask`, `take`, `ask_more`, `take_more`, `told`."""

    def __init__(self, name: str, at: float) -> None:
        self.name = name
        self._at = at
        self._first: dict[str, Any] = {}
        self._counts: list[Any] = []
        self._window = CountWindow(({}, {}), at % 60)
        self._minutes: list[int] = []
        self._age: float | None = None
        self._job_size: int | None = None
        self._times = DurationHistograms()

    def ask(self, pipe: Pipeline) -> None:
        """Queue the first reads."""
        name = self.name
        pipe.llen(keys.queue(name))
        for registry in (keys.started, keys.scheduled, keys.deferred, keys.finished, keys.failed):
            pipe.zcard(registry(name))
        pipe.hlen(keys.quarantine(name))
        pipe.lindex(keys.queue(name), 0)
        pipe.smembers(keys.queue_workers(name))
        counters.queue_window_reads(pipe, name, self._at)

    def take(self, answers: Iterator[Any]) -> None:
        """Take the replies to `ask`."""
        self._first = dict(zip(_ASKED, islice(answers, len(_ASKED)), strict=True))
        self._counts = list(islice(answers, len(counters.window_hours(self._at))))
        try:
            if not any(map(replies.is_wrong_type, self._counts)):
                self._window = counters.parse_window([replies.granted(reply, []) for reply in self._counts], self._at)
        except ValueError:
            pass  # counts that are no numbers hide the rates alone

    @property
    def _head(self) -> str | None:
        """The id of the job that has waited longest."""
        found = self._first["head"]
        return untrusted_fields.decode(found) if isinstance(found, bytes) else None

    @property
    def busy_minutes(self) -> list[int]:
        """The recent minutes in which runs ended, newest first."""
        recent = zip(counters.window_minutes(self._at), self._window.minutes, strict=False)
        return [minute for minute, counts in recent if counts.get("finished") or counts.get("failed")]

    def ask_more(self, pipe: Pipeline, minutes: int) -> None:
        """Queue the reads that depend on those: the age of the oldest, the size of a job, and how long jobs took in the
        newest `minutes` in which any ended."""
        if self._head is not None:
            pipe.hmget(keys.job(self._head), "enqueued_at", "created_at")
            pipe.memory_usage(keys.job(self._head), samples=0)
        self._minutes = self.busy_minutes[:minutes]
        for minute in self._minutes:
            pipe.hgetall(keys.durations(self.name, minute))

    def take_more(self, answers: Iterator[Any]) -> None:
        """Take the replies to `ask_more`."""
        if self._head is not None:
            moments = replies.granted(next(answers), [None, None])
            since = next((when for raw in moments if (when := untrusted_fields.parse_time(raw))), None)
            self._age = max(0.0, self._at - since.timestamp()) if since else None
            size = next(answers)
            self._job_size = size if isinstance(size, int) else None
        hashes = [replies.granted(raw, {}) for raw in islice(answers, len(self._minutes))]
        self._times = counters.parse_times(hashes)

    def told(self, pause: Pause | None, alive: Collection[bytes]) -> QueueStats:
        """The queue as it was read. `alive` are the keys of the workers that live."""
        wrong = [what for what, reply in (*self._first.items(), *self._named_counts()) if replies.is_wrong_type(reply)]
        if wrong:
            return QueueStats(
                self.name, paused=pause, error=f"its key for {wrong[0]} holds another type than it should"
            )
        known = {what: replies.granted(reply, None) for what, reply in self._first.items()}
        listeners = frozenset(untrusted_fields.decode(key) for key in known["workers"] if key in alive)
        counted = not self._window.is_empty
        return QueueStats(
            name=self.name,
            waiting=known["waiting"],
            running=known["started"],
            scheduled=known["scheduled"],
            deferred=known["deferred"],
            dead=known["failed"] + known["quarantine"],
            finished=known["finished"],
            oldest_age=self._age,
            in_rate=self._window.arrivals(known["waiting"]) if counted else None,
            out_rate=self._window.rate("finished") if counted else None,
            taken_rate=self._window.rate("taken") if counted else None,
            recent_finished=self._window.sum("finished"),
            recent_failed=self._window.sum("failed"),
            waits=self._times.waits,
            runs=self._times.all_runs,
            memory=self._memory(known["waiting"]),
            paused=pause,
            workers=len(listeners),
            listeners=listeners,
        )

    def _named_counts(self) -> list[tuple[str, Any]]:
        return [("counts", reply) for reply in self._counts]

    def _memory(self, waiting: int) -> int | None:
        """Bytes of the waiting jobs, if all are like the first. None for who may not ask."""
        if not waiting:
            return 0
        return None if self._job_size is None else waiting * (self._job_size + len(self._head or "") + ENTRY)
