"""Chat messages in numbers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class DeliveryDay:
    """Messages that were sent on a `day` of UTC (2026-01-31): how many are in the receiver's inbox, and read."""

    day: str
    sent: int
    delivered: int
    read: int
