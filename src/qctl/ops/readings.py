"""What devices sent, as it is stored."""

from __future__ import annotations

from datetime import datetime

from qctl.errors import UsageError
from qctl.models import StoredReading
from qctl.ops.base import Part
from qctl.store import readings

MOST = 1000
"""Readings of one answer."""


class ReadingOps(Part, name="readings"):
    """Readings in the sink."""

    def list(
        self,
        *,
        device: str | None = None,
        topic: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 50,
    ) -> list[StoredReading]:
        """The last `limit` that were stored and match, the last one first; measured from `since` on and before `until`.

        Raises UsageError, RefusedError where they are in InfluxDB, WaitTimeoutError where it takes too long, SinkError.
        """
        if not 1 <= limit <= MOST:
            raise UsageError(f"a limit is from 1 to {MOST}")
        return readings.read_newest(self._settings, device=device, topic=topic, since=since, until=until, limit=limit)
