"""Parses readings posted over HTTP, as JSON or line protocol, into items of the pipeline `readings`.

In JSON a reading is what a device publishes by MQTT, with `device` or `topic` beside its fields:
`{"device": "attic", "temperature": 21.5}`, or `{"topic": ..., "payload": ...}` as in `qctl ingest push`. If the request
names a topic, it is the payload alone. Several readings are an array of these.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from qctl.errors import RejectedError
from qctl.models import RejectedLine
from qctl.settings import Settings
from qctl.sources import line_protocol, reading_parser
from qctl.sources.json_lines import decode
from qctl.sources.reading_parser import Reading

MAX_READINGS = 5000
"""Readings of one request."""

MAX_REPORTED_ERRORS = 100
"""Rejected readings whose reason is reported; the rest are counted."""

TOPIC_ROOT = "sensors"
"""First level of the topic of a reading that names only its device."""

Parse = Callable[[Any, int], Reading]


@dataclass
class Posted:
    """Contents of a request: items for the buffer, and rejected readings with their number from 1 on."""

    items: list[bytes] = field(default_factory=list)
    refused: int = 0
    bad: list[RejectedLine] = field(default_factory=list)


def parse_json(settings: Settings, body: bytes, topic: str | None = None) -> Posted:
    """Parse one reading or an array of them. Raises RejectedError if the body is not JSON or has too many."""
    content = decode(body, "body")
    entries = content if isinstance(content, list) else [content]
    return _parse_all(entries, lambda entry, now: _from_json(settings, entry, topic, now))


def parse_lines(settings: Settings, body: bytes, precision: str) -> Posted:
    """Parse line protocol; `precision` is one of `line_protocol.PRECISIONS`. Raises RejectedError as `parse_json`."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise RejectedError("body is not UTF-8") from None
    lines = [line for line in (line.strip("\r") for line in text.split("\n")) if line.strip() and line[0] != "#"]
    return _parse_all(lines, lambda line, now: line_protocol.parse(line, now, settings.max_payload, precision))


def _parse_all(entries: list[Any], parse: Parse) -> Posted:
    if len(entries) > MAX_READINGS:
        raise RejectedError(f"body has {len(entries)} readings; at most {MAX_READINGS} are allowed")
    if not entries:
        raise RejectedError("body has no readings")
    posted = Posted()
    for number, (entry, received_ns) in enumerate(zip(entries, _receipt_times(), strict=False), 1):
        try:
            posted.items.append(reading_parser.encode(parse(entry, received_ns)))
        except RejectedError as error:
            posted.refused += 1
            if len(posted.bad) < MAX_REPORTED_ERRORS:
                posted.bad.append(RejectedLine(number, error.message))
    return posted


def _receipt_times() -> Iterator[int]:
    """Times of receipt, all different, so that two readings of a device without timestamps are stored as two."""
    last = 0
    while True:
        last = max(time.time_ns(), last + 1)
        yield last


def _from_json(settings: Settings, entry: Any, topic: str | None, received_ns: int) -> Reading:
    device = None
    if topic is None:
        if not isinstance(entry, dict):
            raise RejectedError("reading is not an object, and the request names no topic")
        if entry.keys() == {"topic", "payload"}:
            topic, entry = entry["topic"], entry["payload"]
        else:
            entry = dict(entry)
            device, topic = entry.pop("device", None), entry.pop("topic", None)
            topic = _topic(device) if topic is None else topic
        if not isinstance(topic, str):
            raise RejectedError("topic is not a string")
    payload = json.dumps(entry).encode()
    reading = reading_parser.parse(topic, payload, received_ns, settings.max_payload, settings.mqtt_topic_pattern)
    if device is not None:
        reading["device"] = device
    return reading


def _topic(device: Any) -> str:
    if device is None:
        raise RejectedError("reading has neither a device nor a topic")
    if not isinstance(device, str) or not device or "/" in device:
        raise RejectedError("device must be a string without /")
    return f"{TOPIC_ROOT}/{device}"
