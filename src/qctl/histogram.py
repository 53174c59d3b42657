"""Histograms of durations, for percentiles without storing each duration.

The buckets are those of DDSketch (Masson, Rim and Lee, VLDB 2019). Each begins 5 % above the one before, so percentiles
are accurate to 2.5 % from milliseconds to days. Histograms of different hosts and minutes are merged by adding counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ddsketch import DDSketch, LogarithmicMapping

ACCURACY = 0.025
"""Maximum relative error of a percentile."""

MIN_SECONDS = 1e-4
"""Shorter durations share one bucket."""

MAX_SECONDS = 1e9
"""Longer durations share one bucket: 30 years, which only a wrong clock measures."""

BUCKET_RANGE = (-184, 415)
"""Buckets of these two durations."""


@cache
def _mapping() -> LogarithmicMapping:
    from ddsketch import LogarithmicMapping  # a large import, which many commands do not need

    return LogarithmicMapping(ACCURACY)


def bucket(seconds: float) -> int:
    """The bucket of a duration. Negative durations, which differing clocks cause, count as the shortest."""
    return int(_mapping().key(min(max(seconds, MIN_SECONDS), MAX_SECONDS)))


@dataclass(frozen=True)
class Histogram:
    """Number of durations by bucket. Merge histograms by `a + b`."""

    counts: Mapping[int, int] = field(default_factory=dict)

    @classmethod
    def merged(cls, histograms: Iterable[Histogram]) -> Histogram:
        """Merge histograms."""
        total: dict[int, int] = {}
        for histogram in histograms:
            for number, count in histogram.counts.items():
                total[number] = total.get(number, 0) + count
        return cls(total)

    def __add__(self, other: Histogram) -> Histogram:
        return self.merged((self, other))

    @property
    def count(self) -> int:
        """Number of durations."""
        return sum(self.counts.values())

    def percentile(self, percent: float) -> float | None:
        """Percentile in seconds, accurate to `ACCURACY`; None without durations."""
        return self._sketch.get_quantile_value(percent / 100) if self.counts else None

    def mean(self) -> float | None:
        """Mean in seconds, accurate to `ACCURACY`; None without durations."""
        return float(self._sketch.avg) if self.counts else None

    @cached_property
    def _sketch(self) -> DDSketch:
        from ddsketch import DDSketch

        sketch, mapping = DDSketch(ACCURACY), _mapping()
        for number, count in self.counts.items():
            sketch.add(mapping.value(number), count)
        return sketch
