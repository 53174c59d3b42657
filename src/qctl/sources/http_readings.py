"""Parses readings posted over HTTP, as JSON or line protocol, into items of the pipeline `readings`.

In JSON a reading is what a device publishes by MQTT, with `device` or `topic` beside its fields:
`{"device": "attic", "temperature": 21.5}`, or `{"topic": ..., "payload": ...}` as in `qctl ingest push`. If the request
names a topic, it is the payload alone. Several readings are an array or lines of these, or Telegraf's
`{"metrics": [...]}`.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from qctl.errors import RejectedError
from qctl.models import RejectedLine
from qctl.settings import Settings
from qctl.sources import line_protocol, measurements, reading_parser
from qctl.sources.reading_payload import UTF8_BOM, decode
from qctl.sources.reading_rules import MAX_READINGS, Parsed, ReadingRules

MAX_REPORTED_ERRORS = 100
"""Rejected readings whose reason is reported; the rest are counted."""

TOPIC_ROOT = "sensors"
"""First level of the topic of a reading that names only its device."""

Parse = Callable[[Any, int], Parsed]


@dataclass
class Posted:
    """Contents of a request: items for the buffer, and rejected readings with their number from 1 on.

    `parsed` are the results of the valid ones.
    """

    items: list[bytes] = field(default_factory=list)
    refused: int = 0
    bad: list[RejectedLine] = field(default_factory=list)
    parsed: list[Parsed] = field(default_factory=list)

    @property
    def left_out(self) -> dict[str, int]:
        """Values that were left out of valid readings, by name."""
        return dict(Counter(name for parsed in self.parsed for name in parsed.left_out))

    @property
    def clocks(self) -> int:
        """Times of valid readings that were replaced by the time of receipt."""
        return sum(parsed.clocks for parsed in self.parsed)


def parse_json(settings: Settings, body: bytes, topic: str | None = None) -> Posted:
    """Parse one reading or an array of them. Raises RejectedError if the body is not JSON or has too many."""
    rules = ReadingRules.of(settings)
    content = decode(body, noun="body")
    entries = content if isinstance(content, list) else [content]
    if topic is None and isinstance(content, dict) and (metrics := measurements.entries(content)):
        return _parse_all(settings, metrics, lambda metric, now: measurements.parse_json([metric], now, rules))
    return _parse_all(settings, entries, lambda entry, now: _from_json(rules, entry, topic, now))


def parse_lines(settings: Settings, body: bytes, precision: str) -> Posted:
    """Parse line protocol; `precision` is one of `line_protocol.PRECISIONS`. Raises RejectedError as `parse_json`."""
    rules = ReadingRules.of(settings)
    try:
        lines = line_protocol.split(body.removeprefix(UTF8_BOM).decode())
    except UnicodeDecodeError:
        raise RejectedError("body is not UTF-8") from None
    return _parse_all(settings, lines, lambda line, now: line_protocol.parse(line, now, rules, precision))


def _parse_all(settings: Settings, entries: Sequence[Any], parse: Parse) -> Posted:
    if len(entries) > MAX_READINGS:
        raise RejectedError(f"body has {len(entries)} readings; at most {MAX_READINGS} are allowed")
    if not entries:
        raise RejectedError("body has no readings")
    posted = Posted()
    for number, (entry, received_ns) in enumerate(zip(entries, _receipt_times(), strict=False), 1):
        try:
            parsed = reading_parser.require_readings(parse(entry, received_ns))
            posted.items += reading_parser.encode_all(parsed, settings.max_payload)
            posted.parsed.append(parsed)
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


def _from_json(rules: ReadingRules, entry: Any, topic: str | None, received_ns: int) -> Parsed:
    device = None
    if topic is None:
        if not isinstance(entry, dict):
            raise RejectedError("reading is not an object, and the request names no topic")
        entry = _flattened(entry)
        if entry.keys() == {"topic", "payload"}:
            topic, entry = entry["topic"], entry["payload"]
        else:
            device, topic = _device(entry.pop("device", None)), entry.pop("topic", None)
            topic = _topic(device) if topic is None else topic
        if not isinstance(topic, str):
            raise RejectedError("topic is not a string")
    return reading_parser.parse_content(topic, entry, received_ns, rules, device=device)


def _flattened(entry: dict[str, Any]) -> dict[str, Any]:
    """A reading `{"location": ..., "measurements": {...}}`, as the replaced dashboard takes it, in the usual form."""
    measurements = entry.get("measurements")
    if "location" not in entry or not isinstance(measurements, dict) or entry.keys() & {"device", "topic"}:
        return entry
    others = {name: value for name, value in entry.items() if name not in ("location", "measurements")}
    return {**measurements, **others, "device": entry["location"]}


def _device(device: Any) -> str | None:
    """The name of a device, which may be a number. Raises RejectedError."""
    if type(device) is int:
        return str(device)
    if device is not None and not isinstance(device, str):
        raise RejectedError("device must be a string or a whole number")
    return device


def _topic(device: str | None) -> str:
    if device is None:
        raise RejectedError("reading has neither a device nor a topic")
    if not device or "/" in device:
        raise RejectedError("device must be a string without /; with a topic beside it, it may have one")
    return f"{TOPIC_ROOT}/{device}"
