"""Decides the size of a pool between two bounds, by the latency of its queues and by the rate of their jobs.

By rate: jobs that arrive in a second, times the seconds that one takes, are the processes that are busy; a pool has a
quarter more. By latency: if the oldest job waits longer than allowed, so many more that the waiting jobs start within
that time. The pool grows when two readings in a row ask for it, at most to double its size at a time. It shrinks to the
largest size that any reading of the last minute asked for. So a short peak adds nothing, and a short lull removes
nothing.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

READING_SECONDS = 2.0
"""Pause between two readings of the queues."""

GROW_READINGS = 2
"""Readings in a row that must ask for a larger size."""

CALM_SECONDS = 60.0
"""Time in which no reading may have asked for a size before the pool shrinks below it."""

UTILISATION = 0.8
"""Share of its time that a process should be busy."""


@dataclass(frozen=True)
class Demand:
    """Jobs of the queues of a pool. Times are seconds; None is unknown.

    `oldest` is the age of the oldest waiting job, `arrivals` the jobs that arrive in a second, `run` the mean time of a
    run, `others` the workers of these queues that are not of this pool.
    """

    waiting: int
    running: int
    oldest: float | None = None
    arrivals: float | None = None
    run: float | None = None
    others: int = 0


@dataclass(frozen=True)
class Decision:
    """The size to have, the size that the last reading asks for, why, and the time (s) until a smaller one counts."""

    size: int
    wanted: int
    reason: str
    shrinks_in: float | None = None


class Autoscaler:
    """Remembers readings. `latency` is the time (s) that the oldest job may wait."""

    def __init__(self, least: int, most: int, latency: float) -> None:
        self.least, self.most = least, most
        self._latency = latency
        self._readings: deque[tuple[float, int]] = deque()
        """Time and wanted size of the readings of the last `CALM_SECONDS`, and of one before them."""

    def decide(self, demand: Demand, size: int, now: float) -> Decision:
        """Return the size to have at `now` (s, of any clock that never goes back), for a pool that has `size`."""
        wanted, reason = self._wanted(demand, size)
        if not self._readings:
            self._readings.append((now, size))
        self._readings.append((now, wanted))
        while len(self._readings) > GROW_READINGS and self._readings[1][0] <= now - CALM_SECONDS:
            self._readings.popleft()
        latest = [number for _, number in list(self._readings)[-GROW_READINGS:]]
        if min(latest) > size:
            return Decision(min(min(latest), max(2 * size, size + 1)), wanted, reason)
        peak = max(number for _, number in self._readings)
        if peak < size and self._readings[0][0] <= now - CALM_SECONDS:
            return Decision(peak, wanted, reason)
        return Decision(min(max(size, self.least), self.most), wanted, reason, self._calm_in(size, now))

    def _calm_in(self, size: int, now: float) -> float | None:
        """Time until no reading of the window asks for this size; None if the last one does."""
        if self._readings[-1][1] >= size:
            return None
        last = max((at for at, number in self._readings if number >= size), default=self._readings[0][0])
        return max(0.0, last + CALM_SECONDS - now)

    def _wanted(self, demand: Demand, size: int) -> tuple[int, str]:
        load = (demand.arrivals or 0.0) * (demand.run or 0.0)
        total, reason = math.ceil(load / UTILISATION - 1e-9), f"load {load:.2f}"
        oldest = demand.oldest or 0.0
        if demand.waiting and oldest > self._latency:
            behind = math.ceil(demand.waiting * demand.run / self._latency) if demand.run else 1
            total = max(total + behind, size + demand.others + 1)
            reason = f"oldest job waits {oldest:.1f} s, allowed {self._latency:g} s, {demand.waiting} waiting, {reason}"
        elif demand.waiting or demand.running:
            total = max(total, 1)
            reason += f", {demand.waiting} waiting, {demand.running} running"
        return min(max(total - demand.others, self.least), self.most), reason
