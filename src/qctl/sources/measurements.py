"""Makes readings of measurements with tags, as InfluxDB's agents send them: line protocol and Telegraf's JSON.

The device is the tag `device`, else the measurement; other tags stay tags and are part of the reading's identity. Over
MQTT the topic is the message's, and the measurement becomes a tag of that name. Otherwise the topic is the tag `topic`,
else measurement and device.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from qctl.errors import RejectedError
from qctl.sources.reading_fields import HOSTILE, Fields
from qctl.sources.reading_rules import MAX_NAME_CHARACTERS, MAX_TEXT_CHARACTERS, Parsed, Reading, ReadingRules, combine
from qctl.sources.reading_topics import check_topic
from qctl.sources.timestamps import nanoseconds

MAX_TAGS = 64
"""Tags of one reading."""

_KEYS = {"name", "tags", "fields", "timestamp"}


def entries(content: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The measurements of Telegraf's JSON, none if it is another object."""
    if content.keys() == {"metrics"} and isinstance(content["metrics"], list):
        metrics = content["metrics"]
        return metrics if all(isinstance(entry, dict) and _is_entry(entry) for entry in metrics) else []
    return [content] if _is_entry(content) else []


def _is_entry(content: Mapping[str, Any]) -> bool:
    return content.keys() == _KEYS and isinstance(content["tags"], dict) and isinstance(content["fields"], dict)


def parse_json(
    metrics: Sequence[Mapping[str, Any]], received_ns: int, rules: ReadingRules, topic: str | None = None
) -> Parsed:
    """Parse measurements of Telegraf's JSON. Raises RejectedError."""
    return combine(
        parse(
            str(metric["name"]),
            {str(name): str(value) for name, value in metric["tags"].items()},
            metric["fields"],
            nanoseconds(metric["timestamp"], rules.zone),
            received_ns,
            rules,
            topic,
        )
        for metric in metrics
    )


def parse(
    measurement: str,
    tags: dict[str, str],
    values: Mapping[str, Any],
    ts_ns: int | None,
    received_ns: int,
    rules: ReadingRules,
    topic: str | None = None,
) -> Parsed:
    """Make the reading of a measurement; `topic` is that of the MQTT message. Raises RejectedError."""
    if not measurement:
        raise RejectedError("the measurement has no name")
    device = tags.pop("device", "") or measurement
    if topic is None:
        topic = tags.pop("topic", "") or (measurement if device == measurement else f"{measurement}/{device}")
    else:
        if source := tags.pop("topic", ""):
            tags["source_topic"] = source
        tags["measurement"] = measurement
    check_topic(topic)
    _check_tags(device, tags)
    fields = Fields(rules)
    fields.add_object(values)
    clocks = int(ts_ns is not None and not rules.is_plausible(ts_ns, received_ns))
    if not fields.values:
        return Parsed([], tuple(fields.left_out), clocks, "no values")
    timed = ts_ns is not None and not clocks
    reading = Reading(
        topic=topic,
        device=device,
        ts_ns=ts_ns if ts_ns is not None and timed else received_ns,
        fields=fields.values,
        received_ns=received_ns,
    )
    if tags:
        reading["tags"] = tags
    return Parsed([reading], tuple(fields.left_out), clocks, timed=timed)


def _check_tags(device: str, tags: Mapping[str, str]) -> None:
    if len(tags) > MAX_TAGS:
        raise RejectedError(f"it has more than {MAX_TAGS} tags")
    for text in (device, *tags.values()):
        if HOSTILE.search(text) or len(text) > MAX_TEXT_CHARACTERS:
            raise RejectedError("a tag contains a control character or is too long")
    if any(not name or len(name) > MAX_NAME_CHARACTERS or HOSTILE.search(name) for name in tags):
        raise RejectedError("a tag's name is empty, too long or contains a control character")
