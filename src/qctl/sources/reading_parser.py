"""Parses messages of devices: each becomes readings, items of the pipeline `readings`, or a reject with its reason.

A payload is JSON (`reading_payload.py`), a text, or line protocol:

- an object: its values become fields (`reading_fields.py`), except for the time of measurement (`reading_times.py`);
- an array of objects: a reading each;
- a value or text alone: one field, named by the last level of the topic (`value` if that is empty or names a time);
- `{"name": ..., "tags": ..., "fields": ..., "timestamp": ...}`, Telegraf's JSON, alone or in `{"metrics": [...]}`;
- InfluxDB line protocol (`line_protocol.py`).

The device is the second level of the topic, unless MQTT_TOPIC_PATTERN names another one: `livingroom` for
`sensors/livingroom` and for `sensors/livingroom/air`. If that level is missing or empty, it is the whole topic. Other
levels that the pattern names become tags.

A plain object of numbers and texts, which most messages are, takes a fast path (`plain_readings.py`).
"""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any, NamedTuple

from qctl.broker.bookkeeping.reject_records import Reject
from qctl.errors import RejectedError
from qctl.sources import line_protocol, measurements, reading_times
from qctl.sources.plain_readings import parse_plain
from qctl.sources.reading_fields import HOSTILE, Fields, is_name
from qctl.sources.reading_payload import NotJsonError, decode
from qctl.sources.reading_rules import (
    MAX_NAME_CHARACTERS,
    MAX_READINGS,
    Parsed,
    Reading,
    ReadingRules,
    Value,
    combine,
)
from qctl.sources.reading_topics import check_topic, named_tags, topic_levels

MAX_BARE_CHARACTERS = 255
"""Length of a payload that is text without quotes: Home Assistant's limit of a state."""

MAX_REJECT_BYTES = 4096
"""Size of a payload that a reject stores whole."""

TRUNCATED_REJECT_BYTES = 512
"""Size to which a reject cuts a larger payload."""

STATUS_WORDS = frozenset(("online", "offline"))
"""Birth and last-will messages of devices, in any case."""

EMPTY = Parsed([], ignored="empty payload")
STATUS = Parsed([], ignored="status word")


class Source(NamedTuple):
    """Origin of a reading: its topic, with the meaning of its levels."""

    topic: str
    device: str
    last_level: str
    tags: dict[str, str]


def parse(topic: str, payload: bytes, received_ns: int, rules: ReadingRules) -> Parsed:
    """Parse a message. A reading without a time gets the time of receipt.

    Raises RejectedError with a reason that repeats nothing of the message.
    """
    device, last_level, tags = topic_levels(topic, rules.pattern)
    if len(payload) > rules.max_payload:
        raise RejectedError(f"payload is larger than {rules.max_payload} bytes (QCTL_MAX_PAYLOAD)")
    if payload[:1] == b"{" and (plain := parse_plain(payload, received_ns, rules)) is not None:
        fields, ts_ns, timed = plain
        fields = _named_by_topic(fields, device, last_level, rules)
        reading = Reading(topic=topic, device=device, ts_ns=ts_ns, fields=fields, received_ns=received_ns)
        if tags:
            reading["tags"] = tags
        return Parsed([reading], timed=timed)
    if not payload.strip(b"\0"):
        return EMPTY
    try:
        content = decode(payload, topic)
    except NotJsonError as error:
        text = error.text.strip()
        if line_protocol.is_likely(text):
            return line_protocol.parse_all(text, received_ns, rules, topic=topic)
        content = _bare_text(text, error)
    return parse_content(topic, content, received_ns, rules)


def parse_content(
    topic: str, content: Any, received_ns: int, rules: ReadingRules, *, device: str | None = None
) -> Parsed:
    """Parse a payload that is decoded. `device` is the device if the topic does not name it. Raises as `parse`."""
    if isinstance(content, list) and content and all(isinstance(entry, dict) for entry in content):
        return _parse_array(topic, content, received_ns, rules)
    source = _source(topic, device, rules)
    if not isinstance(content, dict):
        return STATUS if _is_status(content) else _bare_value(source, content, received_ns, rules)
    if entries := measurements.entries(content):
        return measurements.parse_json(entries, received_ns, rules, topic=topic)
    if content.keys() == {"state"} and _is_status(content["state"]):
        return STATUS
    time = reading_times.find(content, received_ns, rules)
    return _reading(source, received_ns, content, time, rules)


def require_readings(parsed: Parsed) -> Parsed:
    """The result, if it has readings. Raises RejectedError for a sender who gets an answer."""
    if parsed.ignored:
        raise RejectedError(f"reading is not stored: {parsed.ignored}")
    return parsed


def _source(topic: str, device: str | None, rules: ReadingRules) -> Source:
    """Find the origin of a reading. Raises RejectedError."""
    if device is None:
        by_topic, last_level, tags = topic_levels(topic, rules.pattern)
        return Source(topic, by_topic, last_level, tags)
    check_topic(topic)
    if HOSTILE.search(device) or len(device) > MAX_NAME_CHARACTERS:
        raise RejectedError("device contains a control character or is too long")
    return Source(topic, device, topic.rpartition("/")[2], named_tags(topic, rules.pattern))


def _bare_value(source: Source, content: Any, received_ns: int, rules: ReadingRules) -> Parsed:
    """The reading of a value without a name, or of an array of values."""
    name = source.last_level
    if not is_name(name) or name in reading_times.PRIMARY_NAMES:
        name = "value"
    return _reading(source, received_ns, {name: content}, None, rules)


def _parse_array(topic: str, content: list[Any], received_ns: int, rules: ReadingRules) -> Parsed:
    """Parse an array of objects. Readings without a time are a nanosecond apart, so that all are stored."""
    if len(content) > MAX_READINGS:
        raise RejectedError(f"payload has {len(content)} readings; at most {MAX_READINGS} are allowed")
    return combine(parse_content(topic, entry, received_ns + n, rules) for n, entry in enumerate(content))


def _reading(
    source: Source, received_ns: int, content: dict[str, Any], time: reading_times.Time | None, rules: ReadingRules
) -> Parsed:
    fields = Fields(rules)
    fields.add_object(reading_times.without(content, time) if time else content)
    left_out = tuple(fields.left_out)
    clocks = 1 if time and time.is_unset else 0
    if not fields.values:
        return Parsed([], left_out, clocks, "no values")
    ts_ns = time.ts_ns if time and time.ts_ns is not None else received_ns
    named = _named_by_topic(fields.values, source.device, source.last_level, rules)
    reading = Reading(topic=source.topic, device=source.device, ts_ns=ts_ns, fields=named, received_ns=received_ns)
    if source.tags:
        reading["tags"] = source.tags
    return Parsed([reading], left_out, clocks, timed=bool(time and time.ts_ns is not None))


def _named_by_topic(fields: dict[str, Value], device: str, last_level: str, rules: ReadingRules) -> dict[str, Value]:
    """Name the only field, if it is `value`, by the last level of the topic, if settings say so."""
    if not rules.value_by_topic or fields.keys() != {"value"} or last_level == device:
        return fields
    if not is_name(last_level) or last_level in reading_times.PRIMARY_NAMES:
        return fields
    return {last_level: fields["value"]}


def _bare_text(text: str, error: NotJsonError) -> str:
    """The text of a payload that is neither JSON nor line protocol. Raises the error unless it is a state or value."""
    looks_like_code = text[:1] in ("{", "[", '"', "'", "<") or "=" in text
    if not text or looks_like_code or len(text) > MAX_BARE_CHARACTERS or HOSTILE.search(text):
        raise RejectedError(error.message)
    return text


def _is_status(content: Any) -> bool:
    return isinstance(content, str) and content.lower() in STATUS_WORDS


_encoder = json.JSONEncoder(allow_nan=False, check_circular=False, separators=(",", ":"))


def encode(reading: Reading) -> bytes:
    """Encode a reading as an item of the buffer: JSON in one line of ASCII."""
    return _encoder.encode(reading).encode()


def encode_all(parsed: Parsed, max_bytes: int) -> list[bytes]:
    """Encode the readings of a sender who gets an answer. Raises RejectedError if one is too large."""
    items = [encode(reading) for reading in parsed.readings]
    if any(len(item) > max_bytes for item in items):
        raise RejectedError(f"reading is larger than {max_bytes} bytes (QCTL_MAX_PAYLOAD)")
    return items


def reject(topic: str, payload: bytes, received_ns: int, reason: str, *, mark: str) -> Reject:
    """Make the dead letter of a message. Its arguments are those of the job `ingest-reading`: topic, payload in base64,
    time of receipt.

    `mark` tells apart messages with the same content: session and packet id, or the time of receipt. The same message
    with the same mark is the same dead letter.
    """
    raw_topic = topic.encode(errors="surrogateescape")
    name = hashlib.blake2b(b"\0".join((mark.encode(), raw_topic, payload)), digest_size=16).hexdigest()
    stored = payload
    if len(payload) > MAX_REJECT_BYTES:
        stored = payload[:TRUNCATED_REJECT_BYTES]
        reason = f"{reason} (truncated to the first {TRUNCATED_REJECT_BYTES} of {len(payload)} bytes)"
    return Reject(f"reject-{name}", (topic, base64.b64encode(stored).decode(), received_ns), reason, topic)
