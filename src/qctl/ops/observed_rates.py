"""Rates of queues whose workers keep no counts: what changed between readings of the last minute.

A stock worker writes no counts. Its queue shows what it did: waiting jobs leave, finished and failed ones arrive in
their registries. The rates are lower bounds, because a job without a result leaves no trace.
"""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, replace

from qctl.models import QueueStats, Stats

WINDOW_SECONDS = 60.0
"""Period of the rates."""

MIN_SPAN_SECONDS = 1.0
"""Time (s) between the first and the last reading below which there is no rate."""


@dataclass(frozen=True)
class _Flow:
    """Jobs since the first reading of a queue, at the time of a later one."""

    at: float
    arrived: int = 0
    taken: int = 0
    finished: int = 0
    failed: int = 0


class ObservedRates:
    """Compares readings of all queues. Threads may share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._at = 0.0
        self._last: dict[str, QueueStats] = {}
        self._flows: dict[str, deque[_Flow]] = {}

    def add_to(self, stats: Stats) -> Stats:
        """Note a reading, and return it with rates of queues that have none."""
        at = stats.at.timestamp()
        with self._lock:
            if at > self._at:
                self._at = at
                self._note(stats)
            queues = [self._with_rates(queue) for queue in stats.queues]
        return replace(stats, queues=queues)

    def _note(self, stats: Stats) -> None:
        counted = {queue.name: queue for queue in stats.queues if queue.in_rate is None and not queue.error}
        self._flows = {name: self._flows.get(name, deque()) for name in counted}
        for name, queue in counted.items():
            flows = self._flows[name]
            before = self._last.get(name)
            flows.append(_next(flows[-1], before, queue, self._at) if flows and before else _Flow(self._at))
            while len(flows) > 2 and flows[1].at <= self._at - WINDOW_SECONDS:
                flows.popleft()
        self._last = counted

    def _with_rates(self, queue: QueueStats) -> QueueStats:
        flows = self._flows.get(queue.name)
        if not flows or queue.in_rate is not None or flows[-1].at - flows[0].at < MIN_SPAN_SECONDS:
            return queue
        first, last = flows[0], flows[-1]
        seconds = last.at - first.at
        finished, failed = last.finished - first.finished, last.failed - first.failed
        return replace(
            queue,
            in_rate=(last.arrived - first.arrived) / seconds,
            taken_rate=(last.taken - first.taken) / seconds,
            out_rate=finished / seconds,
            dead_rate=failed / seconds,
            recent_finished=finished,
            recent_failed=failed,
        )


def _next(flow: _Flow, before: QueueStats, now: QueueStats, at: float) -> _Flow:
    """Add what changed between two readings. Registries also shrink, when results expire: that is no flow."""
    finished = max(0, now.finished - before.finished)
    failed = max(0, now.dead - before.dead)
    grown = now.waiting - before.waiting
    taken = max(0, -grown, finished + failed + now.running - before.running)
    return _Flow(
        at, flow.arrived + max(0, grown + taken), flow.taken + taken, flow.finished + finished, flow.failed + failed
    )
