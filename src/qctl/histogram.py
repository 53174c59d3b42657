"""Durations counted in buckets: percentiles of any number of them, measured anywhere, without keeping one.

The buckets are those of DDSketch (Masson, Rim and Lee, VLDB 2019): each begins 5 % above the one before, so a
percentile is right to 2.5 % whether it is a millisecond or a day, and counts of different hosts and minutes are merged
by adding them up.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ddsketch import DDSketch, LogarithmicMapping

ACCURACY = 0.025
"""The largest error of a percentile, relative to it."""

SHORTEST = 1e-4
"""Seconds below which durations are not told apart."""

LONGEST = 1e9
"""Seconds above which they are not: 30 years, which only a clock that is wrong shows."""

RANGE = (-184, 415)
"""The buckets of those two."""


@cache
def _mapping() -> LogarithmicMapping:
    from ddsketch import LogarithmicMapping  # commands that show no percentile do not need it

    return LogarithmicMapping(ACCURACY)


def bucket(seconds: float) -> int:
    """The bucket that a duration is counted in. One that is negative, as clocks differ, is the shortest."""
    return int(_mapping().key(min(max(seconds, SHORTEST), LONGEST)))


@dataclass(frozen=True)
class Histogram:
    """How many durations fell into each bucket. Merge by adding: `a + b`."""

    counts: Mapping[int, int] = field(default_factory=dict)

    @classmethod
    def merged(cls, histograms: Iterable[Histogram]) -> Histogram:
        """All of these in one."""
        total: dict[int, int] = {}
        for each in histograms:
            for number, count in each.counts.items():
                total[number] = total.get(number, 0) + count
        return cls(total)

    def __add__(self, other: Histogram) -> Histogram:
        return self.merged((self, other))

    @property
    def count(self) -> int:
        """How many durations there are."""
        return sum(self.counts.values())

    def percentile(self, percent: float) -> float | None:
        """Seconds that `percent` of the durations do not exceed, right to `ACCURACY`; None where there are none."""
        return self._sketch.get_quantile_value(percent / 100) if self.counts else None

    @cached_property
    def _sketch(self) -> DDSketch:
        from ddsketch import DDSketch

        sketch, mapping = DDSketch(ACCURACY), _mapping()
        for number, count in self.counts.items():
            sketch.add(mapping.value(number), count)
        return sketch
