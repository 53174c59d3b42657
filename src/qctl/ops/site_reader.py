"""Reads what the list of contexts shows of one site."""

from __future__ import annotations

from qctl.models import Health, Stats
from qctl.ops import Ops
from qctl.settings import Settings


class SiteReader:
    """Reads the queues and the health of a site, also in a process of its own."""

    def __init__(self, settings: Settings) -> None:
        self._ops = Ops(settings)

    def read(self) -> tuple[Stats, Health]:
        """Read both. Raises RedisUnreachableError."""
        stats = self._ops.stats.read()
        return stats, self._ops.health.check(stats)
