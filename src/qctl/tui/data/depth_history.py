"""Depths of queues in the last minutes, drawn as a row of small bars, one for each minute.

Depths from before the start of the monitor are read from the counts in Redis; later ones are those read last in each
minute.
"""

from __future__ import annotations

from collections.abc import Mapping

from qctl.errors import NotFoundError
from qctl.models import Stats
from qctl.tui.data.monitor_data import MetricsReader

MINUTES = 12
"""Number of bars; the last one is the current minute."""

BARS = "▁▂▃▄▅▆▇█"


def read_depths(metrics: MetricsReader) -> Mapping[str, Mapping[int, int]]:
    """Read the depths of the last minutes, by queue and by minute since 1970."""
    try:
        return metrics.depths()
    except NotFoundError:  # a recording of a version that did not read depths
        return {}


class DepthHistory:
    """Depths by queue and by minute since 1970. A minute without a read leaves a gap."""

    def __init__(self) -> None:
        self._depths: dict[str, dict[int, int]] = {}
        self._now = 0

    @property
    def queues(self) -> tuple[str, ...]:
        """The names of the queues that were read last."""
        return tuple(self._depths)

    def add_past(self, past: Mapping[str, Mapping[int, int]]) -> None:
        """Add depths from before the start. They do not replace depths that were read since."""
        for queue, depths in past.items():
            self._depths[queue] = {**depths, **self._depths.get(queue, {})}

    def record(self, stats: Stats) -> None:
        """Record the current depths, and drop deleted queues and minutes that are not shown."""
        minute = int(stats.at.timestamp()) // 60
        if minute != self._now or self._depths.keys() != {queue.name for queue in stats.queues}:
            self._now = minute
            self._depths = {queue.name: self._recent(queue.name) for queue in stats.queues}
        for queue in stats.queues:
            self._depths[queue.name][minute] = queue.waiting

    def _recent(self, queue: str) -> dict[int, int]:
        depths = self._depths.get(queue, {})
        return {minute: depth for minute, depth in depths.items() if self._now - MINUTES < minute <= self._now}

    @property
    def highest(self) -> int:
        """The scale of all bars: the largest depth of any queue in these minutes, rounded up to 1, 2 or 5 times a power
        of ten, so that it rarely changes."""
        largest = max((depth for depths in self._depths.values() for depth in depths.values()), default=0)
        power = 10 ** max(0, len(str(largest)) - 1)
        return next(step * power for step in (1, 2, 5, 10) if step * power >= largest) if largest else 0

    def highest_of(self, queue: str) -> int:
        """The largest depth of one queue in these minutes."""
        return max(self._depths.get(queue, {}).values(), default=0)

    def bars(self, queue: str, highest: int) -> str:
        """The depths of a queue as bars, oldest first, of which the full one is `highest`; a gap where none is known.
        Empty if nothing is known."""
        known = self._depths.get(queue, {})
        if not known or not highest:
            return ""
        depths = [known.get(minute) for minute in range(self._now - MINUTES + 1, self._now + 1)]
        top = len(BARS) - 1
        return "".join(" " if depth is None else BARS[min(top, -(-depth * top // highest))] for depth in depths)
