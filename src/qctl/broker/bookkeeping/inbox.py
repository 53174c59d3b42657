"""Inboxes of receivers, and the rate limit of notifications.

An inbox is one stream for each receiver. The process that holds the receiver's connection reads it from its last
position on.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from redis import Redis

from qctl.broker.bookkeeping import events
from qctl.broker.redis import keys, replies, untrusted_fields
from qctl.broker.redis.scripts import Script

NOTIFICATION_WINDOW_SECONDS = 60
"""Length of the sliding window in which notifications to one receiver are counted."""

MAX_MESSAGES = 1000
"""Approximate length of an inbox. Older messages are dropped; the database keeps all."""

RETENTION_SECONDS = 7 * 86_400
"""Time (s) after its last message when an inbox expires."""

_deliver = Script("bookkeeping/deliver", after="redis/types")
_allow_notification = Script("bookkeeping/allow_notification", after="redis/types")


def deliver(connection: Redis, receiver: str, message_id: str, message: Mapping[str, Any]) -> bool:
    """Put a message into an inbox. Returns False if it was delivered before."""
    reply = _deliver(
        connection,
        inbox=keys.inbox(receiver),
        delivered=keys.delivered(message_id),
        events=keys.EVENTS,
        max_messages=MAX_MESSAGES,
        ttl=RETENTION_SECONDS,
        message_id=message_id,
        message=json.dumps(dict(message)),
        receiver=receiver,
        max_events=events.MAX_ENTRIES,
    )
    return bool(reply)


def read(connection: Redis, receiver: str, after: str = "-", count: int = 100) -> list[tuple[str, dict[str, Any]]]:
    """Messages of an inbox that follow the position `after`, oldest first, each with its position."""
    begin = "-" if after == "-" else f"({after}"
    entries = replies.stream_entries(connection.xrange(keys.inbox(receiver), begin, "+", count=count))
    return [(position.decode(), json.loads(fields[b"message"])) for position, fields in entries]


def read_one(connection: Redis, receiver: str, position: str) -> dict[str, Any] | None:
    """The message at a position of an inbox, None if it has been dropped. Anything but an object is an empty one."""
    entries = replies.stream_entries(connection.xrange(keys.inbox(receiver), position, position, count=1))
    for _, fields in entries:
        return untrusted_fields.parse_object(fields.get(b"message"))
    return None


def allow_notification(connection: Redis, receiver: str, notification_id: str, per_minute: int) -> bool:
    """Check and count a notification against the receiver's limit; `per_minute` 0 means no limit.

    A notification that was allowed once is allowed again, and counts once.
    """
    if not per_minute:
        return True
    reply = _allow_notification(
        connection,
        notified=keys.notified(receiver),
        notification_id=notification_id,
        limit=per_minute,
        window_ms=NOTIFICATION_WINDOW_SECONDS * 1000,
    )
    return bool(reply)
