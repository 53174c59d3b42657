"""The largest value of each of the last minutes, of what only an open monitor sees: nothing records it."""

from __future__ import annotations

from datetime import datetime


class MinuteValues:
    """The largest value that was seen in each of the last `minutes`, by minute since 1970."""

    def __init__(self, minutes: int) -> None:
        self._minutes = minutes
        self._values: dict[int, float] = {}
        self._now = 0

    def record(self, at: datetime, value: float) -> None:
        """Record a value, and drop the minutes that are not among the last ones before it."""
        self._now = _minute(at)
        self._values[self._now] = max(value, self._values.get(self._now, value))
        for minute in [minute for minute in self._values if not self._now - self._minutes < minute <= self._now]:
            del self._values[minute]

    def value_of(self, at: datetime) -> float | None:
        """The value of the minute that `at` is in; None if nothing was seen."""
        return self._values.get(_minute(at))

    @property
    def values(self) -> list[float | None]:
        """The values up to the minute that was recorded last, oldest first; None where nothing was seen."""
        return [self._values.get(minute) for minute in range(self._now - self._minutes + 1, self._now + 1)]


def _minute(at: datetime) -> int:
    return int(at.timestamp()) // 60
