"""Age of the oldest waiting job in each minute of the last hour, as far as the monitor was open: nothing records it."""

from __future__ import annotations

from qctl.models import Stats

MINUTES = 60


class OldestHistory:
    """The largest age in each minute since 1970 that was seen."""

    def __init__(self) -> None:
        self._ages: dict[int, float] = {}
        self._now = 0

    def record(self, stats: Stats) -> None:
        """Record the age of the oldest waiting job of all queues."""
        self._now = int(stats.at.timestamp()) // 60
        age = max((queue.oldest_age for queue in stats.queues if queue.oldest_age is not None), default=0.0)
        self._ages[self._now] = max(age, self._ages.get(self._now, 0.0))
        for minute in [minute for minute in self._ages if not self._now - MINUTES < minute <= self._now]:
            del self._ages[minute]

    @property
    def ages(self) -> list[float | None]:
        """The ages of the last hour, oldest first; None where nothing was seen."""
        return [self._ages.get(minute) for minute in range(self._now - MINUTES + 1, self._now + 1)]
