"""Operation that estimates the use of Redis's memory."""

from __future__ import annotations

from qctl.broker.query import memory_use, stats_snapshot
from qctl.errors import UsageError
from qctl.models import MemoryUse
from qctl.ops.base import Part

DEFAULT_SAMPLE = 20_000
"""Keys that are measured by default: about a second of reading, in steps of less than a millisecond for Redis."""

MIN_SAMPLE, MAX_SAMPLE = 100, 1_000_000


class MemoryOps(Part, name="memory"):
    """Estimates where Redis's memory goes."""

    def read(self, sample: int = DEFAULT_SAMPLE) -> MemoryUse:
        """Measure `sample` keys, and estimate all others from them. Raises UsageError for another number of keys than
        100 to a million."""
        if not MIN_SAMPLE <= sample <= MAX_SAMPLE:
            raise UsageError(f"a sample of {sample} keys is not between {MIN_SAMPLE} and {MAX_SAMPLE}")
        return memory_use.read(self._redis, stats_snapshot.queue_names(self._redis), sample)
