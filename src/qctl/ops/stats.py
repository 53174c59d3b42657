"""Every queue at one moment."""

from __future__ import annotations

from qctl.broker import snapshot
from qctl.models import Stats
from qctl.ops.part import Part


class StatsOps(Part):
    """What `qctl stats` shows."""

    def read(self) -> Stats:
        """Every queue and the totals, in at most three round trips."""
        return snapshot.stats(self._redis)
