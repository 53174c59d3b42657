"""Parses messages of devices: each becomes a reading, an item of the pipeline `readings`, or a reject with its reason.

The payload is UTF-8 JSON:

- an object: its numbers and booleans become fields, those of nested objects too, named `outer.inner`; strings, null and
  arrays are ignored, unless nothing else is left. `timestamp`, `ts` and `time` are never fields: the first of them that
  is not null is the time of measurement (`timestamps.py`).
- a number or boolean alone: one field, named by the last level of the topic (`value` if that is empty or one of the
  three names).

The device is the second level of the topic, unless MQTT_TOPIC_PATTERN names another one: `livingroom` for
`sensors/livingroom` and for `sensors/livingroom/air`. If that level is missing or empty, it is the whole topic. Other
levels that the pattern names become tags.
"""

from __future__ import annotations

import base64
import hashlib
import json
import math
import re
from functools import lru_cache
from typing import Any, NoReturn, TypedDict

from qctl.broker.bookkeeping.reject_records import Reject
from qctl.errors import RejectedError
from qctl.sources.timestamps import nanoseconds

MAX_TOPIC_BYTES = 1024

MAX_NAME_CHARACTERS = 128
"""Length of a field's name."""

MAX_FIELDS = 256
"""Fields of one reading."""

MAX_DEPTH = 5
"""Levels of nested objects, including the outermost one."""

MAX_REJECT_BYTES = 4096
"""Size of a payload that a reject stores whole."""

TRUNCATED_REJECT_BYTES = 512
"""Size to which a reject cuts a larger payload."""

INT64 = range(-(2**63), 2**63)

TIMESTAMP_FIELDS = ("timestamp", "ts", "time")

_HOSTILE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
"""Control characters and lone surrogates, which are not text."""

DEFAULT_PATTERN = "+/{device}/..."
"""Meaning of a topic's levels if MQTT_TOPIC_PATTERN is not set."""


class Reading(TypedDict, total=False):
    """One measurement of a device. Times are in nanoseconds since 1970; `ts_ns` is when it was measured. `tags` exists
    only if the topic's pattern names more than the device."""

    topic: str
    device: str
    ts_ns: int
    fields: dict[str, int | float | bool]
    received_ns: int
    tags: dict[str, str]


def parse(topic: str, payload: bytes, received_ns: int, max_payload: int, pattern: str = DEFAULT_PATTERN) -> Reading:
    """Parse a message. A reading without a timestamp gets the time of receipt.

    `max_payload` is in bytes; `pattern` is the meaning of the topic's levels (MQTT_TOPIC_PATTERN). Raises RejectedError
    with a reason that repeats nothing of the message.
    """
    device, last_level, tags = _levels(topic, pattern)
    content = _decode(payload, max_payload)
    fields: dict[str, int | float | bool] = {}
    ts_ns = received_ns
    if type(content) is dict:
        timestamps = [content.pop(name, None) for name in TIMESTAMP_FIELDS]
        timestamp = next((value for value in timestamps if value is not None), None)
        if timestamp is not None:
            ts_ns = nanoseconds(timestamp)
        _collect(content, "", 1, fields)
        if not fields:
            raise RejectedError("no field is a number or a boolean")
    elif type(content) in (int, float, bool):
        _collect({"value" if last_level in ("", *TIMESTAMP_FIELDS) else last_level: content}, "", 1, fields)
    else:
        raise RejectedError("payload is neither an object, a number nor a boolean")
    reading = Reading(topic=topic, device=device, ts_ns=ts_ns, fields=fields, received_ns=received_ns)
    if tags:
        reading["tags"] = tags
    return reading


_encoder = json.JSONEncoder(allow_nan=False, check_circular=False, separators=(",", ":"))


def encode(reading: Reading) -> bytes:
    """Encode a reading as an item of the buffer: JSON in one line of ASCII."""
    return _encoder.encode(reading).encode()


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


@lru_cache(maxsize=4096)
def _levels(topic: str, pattern: str) -> tuple[str, str, dict[str, str]]:
    """The device, the last level and the tags of a topic. Raises RejectedError if the topic cannot be used."""
    if not topic:
        raise RejectedError("topic is empty")
    if _HOSTILE.search(topic):
        raise RejectedError("topic contains a control character or is not UTF-8")
    if len(topic.encode()) > MAX_TOPIC_BYTES:
        raise RejectedError(f"topic is longer than {MAX_TOPIC_BYTES} bytes")
    if "+" in topic or "#" in topic or topic.startswith("$"):
        raise RejectedError("topic contains + or #, or begins with $")
    levels = topic.split("/")
    named = _named(levels, pattern)
    device = named.pop("device", "") or topic
    return device, levels[-1], {name: level for name, level in named.items() if level}


def _named(levels: list[str], pattern: str) -> dict[str, str]:
    """The levels that a pattern names; none if the topic does not match it."""
    meanings = pattern.removesuffix("/...").split("/")
    if len(levels) < len(meanings) or (len(levels) > len(meanings) and not pattern.endswith("/...")):
        return {}
    named = {}
    for level, meaning in zip(levels, meanings, strict=False):
        if meaning.startswith("{"):
            named[meaning[1:-1]] = level
        elif meaning not in ("+", level):
            return {}
    return named


def _refuse_constant(name: str) -> NoReturn:
    raise RejectedError(f"{name} cannot be stored as a number")


_decoder = json.JSONDecoder(parse_constant=_refuse_constant)


def _decode(payload: bytes, max_payload: int) -> Any:
    if not payload:
        raise RejectedError("payload is empty")
    if len(payload) > max_payload:
        raise RejectedError(f"payload is larger than {max_payload} bytes (QCTL_MAX_PAYLOAD)")
    try:
        return _decoder.decode(payload.decode())
    except UnicodeDecodeError:
        raise RejectedError("payload is not UTF-8") from None
    except json.JSONDecodeError as error:
        raise RejectedError(f"payload is not JSON: {error.msg} at character {error.pos}") from None
    except RecursionError:
        raise RejectedError("payload is nested too deeply") from None
    except ValueError:
        raise RejectedError("a number has too many digits") from None


def _collect(content: dict[str, Any], prefix: str, depth: int, fields: dict[str, int | float | bool]) -> None:
    """Add the numbers and booleans of an object to `fields`."""
    if depth > MAX_DEPTH:
        raise RejectedError(f"payload is nested too deeply: more than {MAX_DEPTH} objects")
    for key, value in content.items():
        kind = type(value)
        if kind is float:
            if not math.isfinite(value):
                raise RejectedError("a number is too large")
        elif kind is int:
            if value not in INT64:
                raise RejectedError("a whole number has more than 64 bits")
        elif kind is dict:
            _collect(value, f"{prefix}{key}.", depth + 1, fields)
            continue
        elif kind is not bool:
            continue
        fields[_name(prefix + key)] = value
    if len(fields) > MAX_FIELDS:
        raise RejectedError(f"payload has more than {MAX_FIELDS} fields")


@lru_cache(maxsize=4096)
def _name(name: str) -> str:
    """The name of a field. Raises RejectedError if it cannot be used."""
    if not name or len(name) > MAX_NAME_CHARACTERS:
        raise RejectedError(f"a field's name is empty or longer than {MAX_NAME_CHARACTERS} characters")
    if _HOSTILE.search(name):
        raise RejectedError("a field's name contains a control character or is not text")
    return name
