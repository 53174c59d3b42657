"""Chat messages, as the database has them."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from qctl.errors import UsageError
from qctl.models import DeliveryDay
from qctl.ops.base import Part
from qctl.store import chat_deliveries

MAX_DAYS = 366
"""Longest period of one answer."""


class ChatOps(Part, name="chat"):
    """Chat messages, for `qctl metrics chat`."""

    def deliveries(self, *, days: int = 7) -> list[DeliveryDay]:
        """Return the messages of the last `days`, today included, by day of UTC, oldest first. Raises UsageError and
        SinkError."""
        if not 1 <= days <= MAX_DAYS:
            raise UsageError(f"period of {days} days is not between 1 and {MAX_DAYS}")
        today = datetime.now(timezone.utc).replace(hour=0, minute=0, second=0, microsecond=0)
        first, end = today - timedelta(days=days - 1), today + timedelta(days=1)
        return chat_deliveries.count_by_day(self._settings, first, end)
