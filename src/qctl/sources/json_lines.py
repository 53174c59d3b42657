"""Lines of JSON become items, as the sources of their pipelines would make them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from qctl.errors import RejectedError, UsageError
from qctl.settings import Settings
from qctl.sources import message_parser, reading_parser

Read = Callable[[bytes, int], bytes]
"""Makes an item of a line and its time of receipt (nanoseconds since 1970). Raises RejectedError."""


def reader(settings: Settings, pipeline: str, topic: str | None) -> Read:
    """What reads the lines of a pipeline.

    A line of `messages` is the object that a client sends with `data`. One of `readings` is what a device publishes,
    where `topic` says by which topic; without it the line is `{"topic": ..., "payload": ...}`. Raises UsageError where
    a topic is named for what has none.
    """
    if pipeline == "messages":
        if topic is not None:
            raise UsageError("messages have no topic")
        return lambda line, received_ns: _message(settings, line, received_ns)
    if topic is not None:
        return lambda line, received_ns: _reading(settings, topic, line.strip(), received_ns)
    return lambda line, received_ns: _enveloped(settings, line, received_ns)


def _message(settings: Settings, line: bytes, received_ns: int) -> bytes:
    return message_parser.encode(
        message_parser.parse([message_parser.EVENT, _json(line)], None, received_ns, settings.max_payload)
    )


def _enveloped(settings: Settings, line: bytes, received_ns: int) -> bytes:
    told = _json(line)
    if not isinstance(told, dict) or told.keys() != {"topic", "payload"} or not isinstance(told["topic"], str):
        raise RejectedError('it is not {"topic": ..., "payload": ...}, and no --topic was named')
    return _reading(settings, told["topic"], json.dumps(told["payload"]).encode(), received_ns)


def _reading(settings: Settings, topic: str, payload: bytes, received_ns: int) -> bytes:
    pattern = settings.mqtt_topic_pattern
    return reading_parser.encode(reading_parser.parse(topic, payload, received_ns, settings.max_payload, pattern))


def _json(line: bytes) -> Any:
    try:
        return json.loads(line)
    except UnicodeDecodeError:
        raise RejectedError("it is not UTF-8") from None
    except json.JSONDecodeError as error:
        raise RejectedError(f"it is not JSON: {error.msg} at character {error.pos}") from None
    except (ValueError, RecursionError):
        raise RejectedError("it is not JSON that can be read") from None
