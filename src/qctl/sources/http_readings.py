"""Readings that were posted over HTTP become items of the pipeline `readings`: one, many, or line protocol.

In JSON a reading is what a device publishes by MQTT, with `device` or `topic` beside its fields:
`{"device": "attic", "temperature": 21.5}`. It may be `{"topic": ..., "payload": ...}` too, as `qctl ingest push` takes
it. Where the request names a topic for all, it is the payload alone. Many are an array of these.
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
from qctl.sources.reading_parser import Reading

MOST = 5000
"""Readings of one request."""

KEPT = 100
"""Readings that were refused of which the reason is told; all are counted."""

ROOT = "sensors"
"""The first level of the topic of a reading that names its device alone."""

Read = Callable[[Any, int], Reading]


@dataclass
class Posted:
    """What a request brought: items of the buffer, and what was no reading, with its number from 1 on."""

    items: list[bytes] = field(default_factory=list)
    refused: int = 0
    bad: list[RejectedLine] = field(default_factory=list)


def parse_json(settings: Settings, body: bytes, topic: str | None = None) -> Posted:
    """One reading or an array of them. Raises RejectedError where the body is no JSON, or has too many."""
    try:
        content = json.loads(body)
    except UnicodeDecodeError:
        raise RejectedError("it is not UTF-8") from None
    except json.JSONDecodeError as error:
        raise RejectedError(f"it is not JSON: {error.msg} at character {error.pos}") from None
    except (ValueError, RecursionError):
        raise RejectedError("it is not JSON that can be read") from None
    every = content if isinstance(content, list) else [content]
    return _gather(every, len(every), lambda told, now: _from_json(settings, told, topic, now))


def parse_lines(settings: Settings, body: bytes, precision: str) -> Posted:
    """Lines of line protocol; `precision` is one of `line_protocol.PRECISIONS`. Raises RejectedError likewise."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise RejectedError("it is not UTF-8") from None
    lines = [line for line in (line.strip("\r") for line in text.split("\n")) if line.strip() and line[0] != "#"]
    return _gather(lines, len(lines), lambda line, now: line_protocol.parse(line, now, settings.max_payload, precision))


def _gather(every: list[Any], count: int, read: Read) -> Posted:
    if count > MOST:
        raise RejectedError(f"it has {count} readings, and a request may have {MOST}")
    if not count:
        raise RejectedError("there is no reading in it")
    found = Posted()
    for number, (told, received_ns) in enumerate(zip(every, _moments(), strict=False), 1):
        try:
            found.items.append(reading_parser.encode(read(told, received_ns)))
        except RejectedError as error:
            found.refused += 1
            if len(found.bad) < KEPT:
                found.bad.append(RejectedLine(number, error.message))
    return found


def _moments() -> Iterator[int]:
    """Times of receipt, no two alike: two readings of a device without a time of their own are two."""
    last = 0
    while True:
        last = max(time.time_ns(), last + 1)
        yield last


def _from_json(settings: Settings, told: Any, topic: str | None, received_ns: int) -> Reading:
    device = None
    if topic is None:
        if not isinstance(told, dict):
            raise RejectedError("it is no object, and the request names no topic")
        if told.keys() == {"topic", "payload"}:
            topic, told = told["topic"], told["payload"]
        else:
            told = dict(told)
            device, topic = told.pop("device", None), told.pop("topic", None)
            topic = _topic(device) if topic is None else topic
        if not isinstance(topic, str):
            raise RejectedError("its topic is no text")
    payload = json.dumps(told).encode()
    found = reading_parser.parse(topic, payload, received_ns, settings.max_payload, settings.mqtt_topic_pattern)
    if device is not None:
        found["device"] = device
    return found


def _topic(device: Any) -> str:
    if device is None:
        raise RejectedError("it says neither its device nor its topic")
    if not isinstance(device, str) or not device or "/" in device:
        raise RejectedError("its device is a text without /")
    return f"{ROOT}/{device}"
