"""Parses events of Socket.IO clients: each becomes a message, an item of the pipeline `messages`, or a reject.

The only event is `data`, with one object of exactly four strings:

- `msg_id`, 1 to 50 characters: the same id is the same message, however often it is sent;
- `message`;
- `user_id`, up to 50 characters: if the client's token names a user, that one;
- `timestamp`, an ISO 8601 date and time with a zone, as `new Date().toISOString()` makes it. It is stored in UTC.

Other fields make the message invalid, because nothing would store them.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from datetime import datetime, timedelta, timezone
from typing import Any, TypedDict

from qctl.broker.bookkeeping.reject_records import Reject
from qctl.errors import RejectedError
from qctl.sources.timestamps import nanoseconds

EVENT = "data"
"""The name of the event that carries a message."""

MAX_ID_CHARACTERS = 50
"""Length of `msg_id` and `user_id`."""

MAX_REJECT_CHARACTERS = 4096
"""Length of an event's JSON that a reject stores whole."""

TRUNCATED_REJECT_CHARACTERS = 512
"""Length to which a reject cuts a longer one."""

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
    """Parse an event, a list of its name and arguments.

    `user` is the only user whose messages the client may send, None if it may send any; `max_payload` is in bytes.
    Raises RejectedError, whose message is the reason.
    """
    if type(event) is not list or not event or event[0] != EVENT:
        raise RejectedError(f"unknown event: only {EVENT!r} is accepted")
    if len(event) != 2 or type(event[1]) is not dict:
        raise RejectedError(f"event {EVENT!r} must carry one object")
    content = event[1]
    if content.keys() != FIELDS:
        raise RejectedError(_wrong_fields(content))
    msg_id, message, user_id, timestamp = (content[name] for name in ("msg_id", "message", "user_id", "timestamp"))
    if not (type(msg_id) is type(message) is type(user_id) is type(timestamp) is str):
        raise RejectedError("msg_id, message, user_id and timestamp must be strings")
    if not 1 <= len(msg_id) <= MAX_ID_CHARACTERS:
        raise RejectedError(f"msg_id must have 1 to {MAX_ID_CHARACTERS} characters")
    if len(user_id) > MAX_ID_CHARACTERS:
        raise RejectedError(f"user_id is longer than {MAX_ID_CHARACTERS} characters")
    if user is not None and user_id != user:
        raise RejectedError("user_id is not the token's user")
    try:
        size = len(f"{msg_id}{message}{user_id}{timestamp}".encode())
    except UnicodeEncodeError:
        raise RejectedError("a string is not valid Unicode") from None
    if size > max_payload:
        raise RejectedError(f"message is larger than {max_payload} bytes (QCTL_MAX_PAYLOAD)")
    return Message(
        msg_id=msg_id, message=message, user_id=user_id, timestamp=_in_utc(timestamp), received_ns=received_ns
    )


def msg_id_of(event: Any) -> str | None:
    """The msg_id of an event, for its acknowledgement; None if it has none."""
    content = event[1] if type(event) is list and len(event) > 1 else None
    msg_id = content.get("msg_id") if type(content) is dict else None
    return msg_id if type(msg_id) is str and len(msg_id) <= MAX_ID_CHARACTERS else None


def identity(message: Message) -> int:
    """A hash that copies of one message share, whenever they were received. Python's hash of text has a secret key in
    each process, so nobody can choose two messages that share it."""
    return hash((message["msg_id"], message["message"], message["user_id"], message["timestamp"]))


_encoder = json.JSONEncoder(allow_nan=False, check_circular=False, separators=(",", ":"))


def encode(message: Message) -> bytes:
    """Encode a message as an item of the buffer: JSON in one line of ASCII."""
    return _encoder.encode(message).encode()


def reject(event: Any, user: str | None, received_ns: int, reason: str) -> Reject:
    """Make the dead letter of an event. Its arguments are those of the job `ingest-message`: the event as JSON, the
    token's user, the time of receipt. The same event of the same user is the same dead letter.
    """
    text = json.dumps(event, default=_encode_binary)
    name = hashlib.blake2b(f"{user!r} {text}".encode(), digest_size=16).hexdigest()
    if len(text) > MAX_REJECT_CHARACTERS:
        reason = f"{reason} (truncated to the first {TRUNCATED_REJECT_CHARACTERS} of {len(text)} characters)"
        text = text[:TRUNCATED_REJECT_CHARACTERS]
    return Reject(f"reject-{name}", (text, user, received_ns), reason, user or "")


def _wrong_fields(content: dict[Any, Any]) -> str:
    missing = sorted(FIELDS - content.keys())
    if missing:
        return f"field {missing[0]!r} is missing"
    unknown = sorted(str(name) for name in content.keys() - FIELDS)
    return f"unknown field {unknown[0][:MAX_ID_CHARACTERS]!r}"


def _in_utc(timestamp: str) -> str:
    if not _ZONED.search(timestamp):
        raise RejectedError("timestamp is not ISO 8601 with a zone")
    moment = _EPOCH + timedelta(microseconds=nanoseconds(timestamp) // 1000)
    return moment.isoformat(timespec="microseconds")


def _encode_binary(value: Any) -> Any:
    """Encode a binary attachment, which no valid message has."""
    return {"_binary": base64.b64encode(value).decode()}
