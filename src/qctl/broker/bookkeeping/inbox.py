"""What people are sent: messages delivered to a receiver's inbox, and how many notes they may get.

An inbox is a stream of its own for each receiver: whoever holds their connection reads it, from where it left off.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from redis import Redis

from qctl.broker.redis import keys
from qctl.broker.redis.scripts import Script

NOTIFICATION_WINDOW_SECONDS = 60
"""Length of the sliding window in which notifications to one receiver are counted."""

CAP = 1000
"""Messages that an inbox keeps, roughly; the database has all."""

KEEP = 7 * 86_400
"""Seconds after the last message that an inbox is kept."""

_deliver = Script("bookkeeping/deliver")
_admit = Script("bookkeeping/admit")


def deliver(connection: Redis, receiver: str, message_id: str, message: Mapping[str, Any]) -> bool:
    """Put a message into an inbox. False where it was there already."""
    where = [keys.inbox(receiver), keys.delivered(message_id)]
    return bool(_deliver(connection, where, [CAP, KEEP, message_id, json.dumps(dict(message))]))


def read(connection: Redis, receiver: str, after: str = "-", count: int = 100) -> list[tuple[str, dict[str, Any]]]:
    """The messages in an inbox with the place of each, oldest first, those behind the place `after`."""
    begin = "-" if after == "-" else f"({after}"
    entries = connection.xrange(keys.inbox(receiver), begin, "+", count=count)
    return [(place.decode(), json.loads(fields[b"message"])) for place, fields in entries]


def admit(connection: Redis, receiver: str, note_id: str, per_minute: int) -> bool:
    """Whether a receiver may be sent this note now; 0 `per_minute` is without a limit. Asked again it is the same."""
    if not per_minute:
        return True
    return bool(
        _admit(connection, [keys.notified(receiver)], [note_id, per_minute, NOTIFICATION_WINDOW_SECONDS * 1000])
    )
