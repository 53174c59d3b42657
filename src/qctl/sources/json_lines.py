"""Parses lines of JSON into items, as the sources of their pipelines would make them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NamedTuple

from qctl.errors import RejectedError, UsageError
from qctl.settings import Settings
from qctl.sources import message_parser, reading_parser, reading_payload
from qctl.sources.reading_rules import Parsed, ReadingRules


class ParsedLine(NamedTuple):
    """Items of a line; for readings also the topic, and what was left out of them."""

    items: list[bytes]
    topic: str = ""
    parsed: Parsed | None = None


ParseLine = Callable[[bytes, int], ParsedLine]
"""Makes items of a line and its time of receipt (nanoseconds since 1970). Raises RejectedError."""


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
    rules = ReadingRules.of(settings)
    if topic is not None:
        return lambda line, received_ns: _reading(rules, topic, line.strip(), received_ns)
    return lambda line, received_ns: _enveloped(rules, line, received_ns)


def _message(settings: Settings, line: bytes, received_ns: int) -> ParsedLine:
    event = [message_parser.EVENT, decode(line, "line")]
    message = message_parser.parse(event, None, received_ns, settings.max_payload)
    return ParsedLine([message_parser.encode(message)])


def _enveloped(rules: ReadingRules, line: bytes, received_ns: int) -> ParsedLine:
    envelope = reading_payload.decode(line, noun="line")
    if (
        not isinstance(envelope, dict)
        or envelope.keys() != {"topic", "payload"}
        or not isinstance(envelope["topic"], str)
    ):
        raise RejectedError('line is not {"topic": ..., "payload": ...}, and no --topic was named')
    topic = envelope["topic"]
    return _items(rules, topic, reading_parser.parse_content(topic, envelope["payload"], received_ns, rules))


def _reading(rules: ReadingRules, topic: str, payload: bytes, received_ns: int) -> ParsedLine:
    return _items(rules, topic, reading_parser.parse(topic, payload, received_ns, rules))


def _items(rules: ReadingRules, topic: str, parsed: Parsed) -> ParsedLine:
    reading_parser.require_readings(parsed)
    return ParsedLine(reading_parser.encode_all(parsed, rules.max_payload), topic, parsed)


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
