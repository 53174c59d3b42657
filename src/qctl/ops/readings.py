"""Device readings as stored in the sink."""

from __future__ import annotations

from datetime import datetime

from qctl.errors import UsageError
from qctl.models import StoredReading
from qctl.ops.base import Part
from qctl.store import readings

MAX_READINGS = 1000
"""Limit of readings in one answer."""


class ReadingOps(Part, name="readings"):
    """Stored readings."""

    def list(
        self,
        *,
        device: str | None = None,
        topic: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 50,
    ) -> list[StoredReading]:
        """Return the last `limit` stored readings that match, newest first; measured at or after `since` and before
        `until`.

        Raises UsageError, RefusedError if readings are stored in InfluxDB, WaitTimeoutError and SinkError.
        """
        if not 1 <= limit <= MAX_READINGS:
            raise UsageError(f"limit {limit} is not between 1 and {MAX_READINGS}")
        return readings.read_newest(self._settings, device=device, topic=topic, since=since, until=until, limit=limit)
