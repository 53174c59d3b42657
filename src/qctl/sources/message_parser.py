"""An event of a Socket.IO client becomes a message: an item of the pipeline `messages`, or a reject with its reason.

What is understood is the event `data` with one object of exactly four texts:

- `msg_id`, 1 to 50 characters: the same id is the same message, however often it is sent,
- `message`,
- `user_id`, up to 50 characters; where the client's token names a user, that one,
- `timestamp`, a date and a time of ISO 8601 with a zone, as `new Date().toISOString()` makes it. It becomes UTC.

Other fields are refused, not dropped: nothing would store them.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from datetime import datetime, timedelta, timezone
from typing import Any, TypedDict

from qctl.broker.ingest.buffer import Reject
from qctl.errors import RejectedError
from qctl.sources.timestamps import nanoseconds

EVENT = "data"
"""The name of the event that carries a message."""

LONGEST_NAME = 50
"""Characters of `msg_id` and `user_id`."""

MAX_KEPT, KEPT = 1024**2, 64 * 1024
"""Of an event of more than MAX_KEPT characters of JSON, a reject keeps the first KEPT."""

FIELDS = frozenset(("msg_id", "message", "user_id", "timestamp"))

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_ZONED = re.compile(r"[T ].*(?:Z|[+-]\d\d(?::?\d\d)?)", re.ASCII | re.IGNORECASE)


class Message(TypedDict):
    """One message of a user. `timestamp` is ISO 8601 in UTC, `received_ns` in nanoseconds since 1970."""

    msg_id: str
    message: str
    user_id: str
    timestamp: str
    received_ns: int


def parse(event: Any, user: str | None, received_ns: int, max_payload: int) -> Message:
    """The message that an event holds: a list of its name and its arguments.

    `user` is the only one whose messages the client may send, None where nothing says so; `max_payload` is in bytes.
    Raises RejectedError, whose message is the reason.
    """
    if type(event) is not list or not event or event[0] != EVENT:
        raise RejectedError(f"there is no such event: only {EVENT}")
    if len(event) != 2 or type(event[1]) is not dict:
        raise RejectedError(f"{EVENT} does not come with one object")
    content = event[1]
    if content.keys() != FIELDS:
        raise RejectedError(_not_the_fields(content))
    msg_id, message, user_id, timestamp = (content[name] for name in ("msg_id", "message", "user_id", "timestamp"))
    if not (type(msg_id) is type(message) is type(user_id) is type(timestamp) is str):
        raise RejectedError("msg_id, message, user_id and timestamp must be text")
    if not 1 <= len(msg_id) <= LONGEST_NAME:
        raise RejectedError(f"msg_id must have 1 to {LONGEST_NAME} characters")
    if len(user_id) > LONGEST_NAME:
        raise RejectedError(f"user_id is longer than {LONGEST_NAME} characters")
    if user is not None and user_id != user:
        raise RejectedError("user_id is not that of the token")
    try:
        size = len(f"{msg_id}{message}{user_id}{timestamp}".encode())
    except UnicodeEncodeError:
        raise RejectedError("a text in it is not valid Unicode") from None
    if size > max_payload:
        raise RejectedError(f"it is larger than {max_payload} bytes (QCTL_MAX_PAYLOAD)")
    return Message(
        msg_id=msg_id, message=message, user_id=user_id, timestamp=_in_utc(timestamp), received_ns=received_ns
    )


def msg_id_of(event: Any) -> str | None:
    """The msg_id of an event, for the answer to it; None where there is none."""
    content = event[1] if type(event) is list and len(event) > 1 else None
    found = content.get("msg_id") if type(content) is dict else None
    return found if type(found) is str and len(found) <= LONGEST_NAME else None


_encoder = json.JSONEncoder(allow_nan=False, check_circular=False, separators=(",", ":"))


def encode(message: Message) -> bytes:
    """The message as an item of the buffer: JSON in one line of ASCII."""
    return _encoder.encode(message).encode()


def reject(event: Any, user: str | None, received_ns: int, reason: str) -> Reject:
    """The dead letter of an event. Its arguments are those of the job `ingest-message`: the event as JSON, the user
    of the token, the time of receipt. The same event of the same user is the same letter.
    """
    text = json.dumps(event, default=_binary)
    name = hashlib.blake2b(f"{user!r} {text}".encode(), digest_size=16).hexdigest()
    if len(text) > MAX_KEPT:
        reason = f"{reason} (kept are the first {KEPT} of {len(text)} characters)"
        text = text[:KEPT]
    return Reject(f"reject-{name}", (text, user, received_ns), reason)


def _not_the_fields(content: dict[Any, Any]) -> str:
    missing = sorted(FIELDS - content.keys())
    if missing:
        return f"it has no {missing[0]}"
    unknown = sorted(str(name) for name in content.keys() - FIELDS)
    return f"it has a field that nothing stores: {unknown[0][:LONGEST_NAME]!r}"


def _in_utc(timestamp: str) -> str:
    if not _ZONED.search(timestamp):
        raise RejectedError("the timestamp is not ISO 8601 with a zone")
    moment = _EPOCH + timedelta(microseconds=nanoseconds(timestamp) // 1000)
    return moment.isoformat(timespec="microseconds")


def _binary(value: Any) -> Any:
    """How a binary attachment is kept, which no message may have."""
    return {"_binary": base64.b64encode(value).decode()}
