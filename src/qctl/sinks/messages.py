"""What a message is when it reaches a sink.

The item of the pipeline `messages`: a JSON object with `msg_id`, `message` and `user_id` (text), `timestamp` (ISO 8601
with zone, down to microseconds) and `received_ns`, when it came in nanoseconds since 1970, which is not stored.
"""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any, NamedTuple

from qctl.errors import RejectedError

LONGEST_NAME = 50
"""Characters of `msg_id` and `user_id`: the columns of the second seed document."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS messages (
    msg_id VARCHAR(50) PRIMARY KEY,
    message TEXT,
    user_id VARCHAR(50),
    timestamp DATETIME
)
"""
"""The table as the second seed document states it."""


class Message(NamedTuple):
    """One message of a user. `timestamp` is in UTC."""

    msg_id: str
    message: str
    user_id: str
    timestamp: datetime


def message(item: Any) -> Message:
    """The message that an item holds. Raises RejectedError where it holds none.

    Sources check what they take in. This is the guard at the other end, for what was put into a buffer or edited by
    somebody else: one bad item must not take its batch with it.
    """
    names = ("msg_id", "message", "user_id", "timestamp")
    if not isinstance(item, dict) or item.keys() - {"received_ns"} != set(names):
        raise RejectedError("not a message: it needs msg_id, message, user_id, timestamp")
    texts = [item[name] for name in names]
    try:
        "".join(texts).encode()
    except TypeError:
        raise RejectedError("msg_id, message, user_id and timestamp must be text") from None
    except UnicodeEncodeError:
        raise RejectedError("a text in it is not valid Unicode") from None
    msg_id, said, user_id, timestamp = texts
    if not 1 <= len(msg_id) <= LONGEST_NAME or len(user_id) > LONGEST_NAME:
        raise RejectedError(f"msg_id is empty, or it or user_id is longer than {LONGEST_NAME} characters")
    return Message(msg_id, said, user_id, _utc(timestamp))


def conflict(msg_id: str) -> str:
    """The reason of a refusal: the id is that of another message."""
    return f"another message is stored already: {msg_id!r}"


def _utc(text: str) -> datetime:
    zoned = text[:-1] + "+00:00" if text.endswith("Z") else text  # Python 3.10 does not know Z
    try:
        found = datetime.fromisoformat(zoned)
        if found.tzinfo is not None:
            return found.astimezone(timezone.utc)
    except (ValueError, OverflowError):
        pass
    raise RejectedError("its timestamp is not ISO 8601 with a zone")
