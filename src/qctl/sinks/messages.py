"""Parses items of the pipeline `messages` for the sinks.

An item is a JSON object with `msg_id`, `message` and `user_id` (text), `timestamp` (ISO 8601 with zone, down to
microseconds) and `received_ns`, the time of receipt in ns since 1970, which is not stored.
"""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any, NamedTuple

from qctl.errors import RejectedError

MAX_ID_CHARACTERS = 50
"""Maximum length of `msg_id` and `user_id`: that of their columns."""

MESSAGES_SCHEMA = """
CREATE TABLE IF NOT EXISTS messages (
    msg_id VARCHAR(50) PRIMARY KEY,
    message TEXT,
    user_id VARCHAR(50),
    timestamp DATETIME
)
"""
"""The table `messages`. Its columns are public (docs/compatibility.md)."""


class Message(NamedTuple):
    """A message of a user. `timestamp` is in UTC."""

    msg_id: str
    message: str
    user_id: str
    timestamp: datetime


def parse_message(item: Any) -> Message:
    """The message of an item. Raises RejectedError if the item is invalid.

    Sources check their input. This second check is for items that others put into a buffer or edited: one bad item must
    not block its batch.
    """
    names = ("msg_id", "message", "user_id", "timestamp")
    if not isinstance(item, dict) or item.keys() - {"received_ns"} != set(names):
        raise RejectedError("not a message: it needs msg_id, message, user_id, timestamp")
    texts = [item[name] for name in names]
    try:
        "".join(texts).encode()
    except TypeError:
        raise RejectedError("msg_id, message, user_id and timestamp must be strings") from None
    except UnicodeEncodeError:
        raise RejectedError("its text is not valid Unicode") from None
    msg_id, text, user_id, timestamp = texts
    if not 1 <= len(msg_id) <= MAX_ID_CHARACTERS or len(user_id) > MAX_ID_CHARACTERS:
        raise RejectedError(f"msg_id is empty, or it or user_id is longer than {MAX_ID_CHARACTERS} characters")
    return Message(msg_id, text, user_id, _utc(timestamp))


def conflict_reason(msg_id: str) -> str:
    """The reason for rejecting a message whose id is stored with other content."""
    return f"another message is stored already: {msg_id!r}"


def _utc(text: str) -> datetime:
    zoned = text[:-1] + "+00:00" if text.endswith("Z") else text  # Python 3.10 does not parse Z
    try:
        time = datetime.fromisoformat(zoned)
        if time.tzinfo is not None:
            return time.astimezone(timezone.utc)
    except (ValueError, OverflowError):
        pass
    raise RejectedError("its timestamp is not ISO 8601 with a zone")
