"""How many jobs waited in each queue, as far as this monitor saw it: a line of small bars a queue."""

from __future__ import annotations

import time
from collections import deque

from qctl.models import Stats

EVERY = 5.0
"""Seconds that a bar stands for."""

BARS = 12
"""A minute."""

HEIGHTS = "▁▂▃▄▅▆▇█"


class Trends:
    """Depths of the last minute. What is not read is not known: there are gaps while another screen is shown."""

    def __init__(self) -> None:
        self._depths: dict[str, deque[int]] = {}
        self._due = 0.0

    @property
    def queues(self) -> tuple[str, ...]:
        """The names of the queues that were seen last."""
        return tuple(self._depths)

    def note(self, stats: Stats) -> None:
        """Remember what was read, unless it is too soon. Queues that are gone are forgotten."""
        now = time.monotonic()
        if now < self._due:
            return
        self._due = now + EVERY
        self._depths = {queue.name: self._depths.get(queue.name) or deque(maxlen=BARS) for queue in stats.queues}
        for queue in stats.queues:
            self._depths[queue.name].append(queue.waiting)

    def bars(self, queue: str) -> str:
        """Its depths, the last one at the right; nothing where it was always empty."""
        depths = self._depths.get(queue, ())
        most = max(depths, default=0)
        if not most:
            return ""
        return "".join(HEIGHTS[round(depth / most * (len(HEIGHTS) - 1))] for depth in depths)
