"""How many jobs waited in each queue: a line of small bars a queue, one a minute.

What was before the monitor began is known from the counts in Redis; the rest as it was last seen in each minute.
"""

from __future__ import annotations

from collections.abc import Mapping

from qctl.errors import NotFoundError
from qctl.models import Stats
from qctl.tui.data.monitor_data import MetricsReader

BARS = 12
"""Minutes that are shown, the current one at the right."""

HEIGHTS = "▁▂▃▄▅▆▇█"


def before(metrics: MetricsReader) -> Mapping[str, Mapping[int, int]]:
    """How queues went before the monitor began, by queue and minute since 1970."""
    try:
        return metrics.depths()
    except NotFoundError:  # of a recording that was begun by a qctl which did not ask that
        return {}


class Trends:
    """Depths of the last minutes. What nobody noted is not known: there is a gap."""

    def __init__(self) -> None:
        self._depths: dict[str, dict[int, int]] = {}
        self._now = 0

    @property
    def queues(self) -> tuple[str, ...]:
        """The names of the queues that were seen last."""
        return tuple(self._depths)

    def seed(self, before: Mapping[str, Mapping[int, int]]) -> None:
        """Take in what was noted before: depths by queue and minute since 1970. What was seen here counts more."""
        for queue, depths in before.items():
            self._depths[queue] = {**depths, **self._depths.get(queue, {})}

    def note(self, stats: Stats) -> None:
        """Remember what was read. Queues that are gone are forgotten, and so is what is not shown any more."""
        minute = int(stats.at.timestamp()) // 60
        if minute != self._now or self._depths.keys() != {queue.name for queue in stats.queues}:
            self._now = minute
            self._depths = {queue.name: self._recent(queue.name) for queue in stats.queues}
        for queue in stats.queues:
            self._depths[queue.name][minute] = queue.waiting

    def _recent(self, queue: str) -> dict[int, int]:
        return {at: depth for at, depth in self._depths.get(queue, {}).items() if self._now - BARS < at <= self._now}

    def bars(self, queue: str) -> str:
        """Its depths, the last one at the right; nothing where it was always empty."""
        known = self._depths.get(queue, {})
        depths = [known.get(minute) for minute in range(self._now - BARS + 1, self._now + 1)]
        most = max((depth for depth in depths if depth is not None), default=0)
        if not most:
            return ""
        return "".join(
            " " if depth is None else HEIGHTS[round(depth / most * (len(HEIGHTS) - 1))] for depth in depths
        ).rstrip()
