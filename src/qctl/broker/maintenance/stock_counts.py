"""Counts what stock workers did: they write no counts, so their queues are compared from one sample to the next.

Waiting jobs leave, finished and failed ones arrive in their registries. The counts are lower bounds: a job without a
result leaves no trace, and registries also shrink. A queue in which qctl's workers ended a run meanwhile has counts of
its own, and so has one from which qctl's script claimed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from redis import Redis

from qctl.broker.bookkeeping import counters
from qctl.broker.redis import keys, replies, untrusted_fields

SAMPLE_SECONDS = 10
"""Time (s) between two samples."""

_OWN_TOTALS = ("finished", "failed")
"""All-time counters that only qctl's workers increase."""

_REPLIES_PER_QUEUE = 7


@dataclass(frozen=True)
class _Sample:
    """Sizes of a queue's locations, what qctl's workers have ended so far, and the counts of two minutes."""

    waiting: int
    running: int
    finished: int
    failed: int
    own: tuple[int, ...]
    taken: int
    removed: int


class StockCounts:
    """Takes samples of all queues, and adds what changed between two of them to the counts of the minute."""

    def __init__(self, connection: Redis) -> None:
        self._redis = connection
        self._slot = -1
        self._samples: Mapping[str, _Sample] = {}
        self._added: dict[tuple[str, int], int] = {}
        """Claims that were added here, by queue and minute: other ones are of qctl's script."""

    def record_if_due(self, queues: Callable[[], Sequence[str]]) -> None:
        """Take a sample of these queues if the last one is long enough ago. Raises redis-py's errors."""
        if int(time.time()) // SAMPLE_SECONDS != self._slot:
            self.record(queues(), time.time())

    def record(self, queues: Sequence[str], now: float) -> None:
        """Take a sample at this time, unless one was taken within the same `SAMPLE_SECONDS`."""
        slot, minute = int(now) // SAMPLE_SECONDS, int(now) // 60
        if slot == self._slot:
            return
        before, follows = self._samples, slot == self._slot + 1
        self._slot, self._samples = slot, self._read(queues, minute)
        self._added = {key: count for key, count in self._added.items() if key[1] >= minute - 1}
        if follows:
            changes = {
                queue: counts
                for queue, sample in self._samples.items()
                if queue in before and (counts := self._changes(queue, before[queue], sample, minute))
            }
            self._add(changes, minute, slot)

    def _read(self, queues: Sequence[str], minute: int) -> dict[str, _Sample]:
        with self._redis.pipeline(transaction=False) as pipe:
            for queue in queues:
                pipe.llen(keys.queue(queue))
                for registry in (keys.started, keys.finished, keys.failed):
                    pipe.zcard(registry(queue))
                pipe.hmget(keys.TOTALS, [f"{name}:{queue}" for name in _OWN_TOTALS])
                for at in (minute, minute - 1):
                    pipe.hmget(keys.counts(queue, at // 60), [f"{at % 60}.taken", f"{at % 60}.removed"])
            answers = replies.execute(pipe)
        size = _REPLIES_PER_QUEUE
        samples: dict[str, _Sample] = {}
        for queue, answer in zip(queues, (answers[n : n + size] for n in range(0, len(answers), size)), strict=True):
            if any(map(replies.is_wrong_type, answer)):
                continue
            *sizes, totals, now, last = answer
            (taken, removed), (taken_last, removed_last) = _numbers(now), _numbers(last)
            waiting, running, finished, failed = map(replies.integer, sizes)
            own = _numbers(totals)
            samples[queue] = _Sample(
                waiting, running, finished, failed, own, taken + taken_last, removed + removed_last
            )
        return samples

    def _changes(self, queue: str, before: _Sample, sample: _Sample, minute: int) -> dict[str, int]:
        """Return what to add to each counter."""
        counts: dict[str, int] = {}
        ended = max(0, sample.finished - before.finished) + max(0, sample.failed - before.failed)
        if sample.own == before.own:
            counts["finished"] = max(0, sample.finished - before.finished)
            counts["failed"] = max(0, sample.failed - before.failed)
        if sample.taken <= sum(self._added.get((queue, at), 0) for at in (minute, minute - 1)):
            left = before.waiting - sample.waiting - sample.removed
            counts["taken"] = max(0, left, ended + sample.running - before.running)
        return {name: count for name, count in counts.items() if count}

    def _add(self, changes: Mapping[str, Mapping[str, int]], minute: int, slot: int) -> None:
        """Add the changes, of each queue once for all schedulers."""
        with self._redis.pipeline(transaction=False) as pipe:
            for queue in changes:
                pipe.hsetnx(keys.counts(queue, minute // 60), f"{minute % 60}.sample{slot}", 1)
            first = replies.execute(pipe) if changes else []
        with self._redis.pipeline(transaction=False) as pipe:
            for (queue, counts), is_first in zip(changes.items(), first, strict=True):
                if replies.integer(is_first):
                    key = keys.counts(queue, minute // 60)
                    for name, count in counts.items():
                        pipe.hincrby(key, f"{minute % 60}.{name}", count)
                    pipe.expire(key, counters.RETENTION_SECONDS)
                    self._added[queue, minute] = self._added.get((queue, minute), 0) + counts.get("taken", 0)
            replies.execute(pipe)


def _numbers(reply: object) -> tuple[int, ...]:
    return tuple(untrusted_fields.parse_count(raw) or 0 for raw in replies.field_values(reply, 2))
