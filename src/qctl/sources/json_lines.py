"""Parses lines of JSON into items, as the sources of their pipelines would make them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from qctl.errors import RejectedError, UsageError
from qctl.settings import Settings
from qctl.sources import message_parser, reading_parser

ParseLine = Callable[[bytes, int], bytes]
"""Makes an item of a line and its time of receipt (nanoseconds since 1970). Raises RejectedError."""


def line_parser(settings: Settings, pipeline: str, topic: str | None) -> ParseLine:
    """The parser of a pipeline's lines.

    A line of `messages` is the object that a client sends with `data`. A line of `readings` is the payload that a
    device publishes to `topic`; without `topic` it is `{"topic": ..., "payload": ...}`. Raises UsageError if a topic is
    named for messages.
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
        message_parser.parse([message_parser.EVENT, decode(line, "line")], None, received_ns, settings.max_payload)
    )


def _enveloped(settings: Settings, line: bytes, received_ns: int) -> bytes:
    envelope = decode(line, "line")
    if (
        not isinstance(envelope, dict)
        or envelope.keys() != {"topic", "payload"}
        or not isinstance(envelope["topic"], str)
    ):
        raise RejectedError('line is not {"topic": ..., "payload": ...}, and no --topic was named')
    return _reading(settings, envelope["topic"], json.dumps(envelope["payload"]).encode(), received_ns)


def _reading(settings: Settings, topic: str, payload: bytes, received_ns: int) -> bytes:
    pattern = settings.mqtt_topic_pattern
    return reading_parser.encode(reading_parser.parse(topic, payload, received_ns, settings.max_payload, pattern))


def decode(text: bytes, noun: str) -> Any:
    """Decode JSON. Raises RejectedError that calls the text by `noun`."""
    try:
        return json.loads(text)
    except UnicodeDecodeError:
        raise RejectedError(f"{noun} is not UTF-8") from None
    except json.JSONDecodeError as error:
        raise RejectedError(f"{noun} is not JSON: {error.msg} at character {error.pos}") from None
    except (ValueError, RecursionError):
        raise RejectedError(f"{noun} is JSON that cannot be parsed") from None
