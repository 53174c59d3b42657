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


@dataclass(frozen=True)
class MessageFile:
    """A file of a chat message. `id` is the name under which it is stored, `name` the sender's, made harmless."""

    id: str
    name: str
    size: int
