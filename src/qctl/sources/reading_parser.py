"""A message from a device becomes a reading: an item of the pipeline `readings`, or a reject with its reason.

What is understood, in UTF-8 JSON:

- an object: its numbers and booleans become fields; objects in it do too, named `outer.inner`; strings, null and arrays
  are passed over, unless nothing is left. `timestamp`, `ts` and `time` are never fields: the first of them that is not
  null says when it was measured (`timestamps.py`).
- a bare number or boolean: one field, named by the last level of the topic (`value` where that is empty or a time).

The device is the second level of the topic, unless MQTT_TOPIC_PATTERN says which one it is: `livingroom` for
`sensors/livingroom` and for `sensors/livingroom/air`. Where that level is not there, or is empty, it is the whole
topic. Other levels that the pattern names are tags.
"""

from __future__ import annotations

import base64
import hashlib
import json
import math
import re
from functools import lru_cache
from typing import Any, NoReturn, TypedDict

from qctl.broker.ingest.buffer import Reject
from qctl.errors import RejectedError
from qctl.sources.timestamps import nanoseconds

MAX_TOPIC = 1024
"""Bytes of a topic."""

MAX_NAME = 128
"""Characters of a field's name."""

MAX_FIELDS = 256
"""Fields of one reading."""

MAX_DEPTH = 5
"""Objects within objects, the outermost one counted."""

MAX_KEPT, KEPT = 1024**2, 64 * 1024
"""Of a payload of more than MAX_KEPT bytes, a reject keeps the first KEPT."""

INT64 = range(-(2**63), 2**63)
TIMES = ("timestamp", "ts", "time")

_HOSTILE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
"""Control characters, and halves of characters, which are not text."""


PATTERN = "+/{device}/..."
"""What the levels of a topic mean, where nobody says so."""


class Reading(TypedDict, total=False):
    """One measurement of a device. Times are in nanoseconds since 1970; `ts_ns` is when it was measured. `tags` is
    there where the topic's pattern names more than the device."""

    topic: str
    device: str
    ts_ns: int
    fields: dict[str, int | float | bool]
    received_ns: int
    tags: dict[str, str]


def parse(topic: str, payload: bytes, received_ns: int, max_payload: int, pattern: str = PATTERN) -> Reading:
    """The reading that a message holds. Without a time of its own it was measured when it was received.

    `max_payload` is in bytes; `pattern` says what the levels of the topic mean (MQTT_TOPIC_PATTERN). Raises
    RejectedError with a reason that repeats nothing of the message.
    """
    device, last_level, tags = _levels(topic, pattern)
    content = _decode(payload, max_payload)
    fields: dict[str, int | float | bool] = {}
    ts_ns = received_ns
    if type(content) is dict:
        given = [content.pop(name, None) for name in TIMES]
        told = next((value for value in given if value is not None), None)
        if told is not None:
            ts_ns = nanoseconds(told)
        _collect(content, "", 1, fields)
        if not fields:
            raise RejectedError("it has no field that is a number or a boolean")
    elif type(content) in (int, float, bool):
        _collect({"value" if last_level in ("", *TIMES) else last_level: content}, "", 1, fields)
    else:
        raise RejectedError("it is neither an object nor a number or boolean")
    found = Reading(topic=topic, device=device, ts_ns=ts_ns, fields=fields, received_ns=received_ns)
    if tags:
        found["tags"] = tags
    return found


_encoder = json.JSONEncoder(allow_nan=False, check_circular=False, separators=(",", ":"))


def encode(reading: Reading) -> bytes:
    """The reading as an item of the buffer: JSON in one line of ASCII."""
    return _encoder.encode(reading).encode()


def reject(topic: str, payload: bytes, received_ns: int, reason: str, *, mark: str) -> Reject:
    """The dead letter of a message. Its arguments are those of the job `ingest-reading`: topic, payload in base64,
    time of receipt.

    `mark` tells this message from others that say the same: packet id and session, or the time of receipt. The same
    message with the same mark is the same letter.
    """
    raw_topic = topic.encode(errors="surrogateescape")
    name = hashlib.blake2b(b"\0".join((mark.encode(), raw_topic, payload)), digest_size=16).hexdigest()
    kept = payload
    if len(payload) > MAX_KEPT:
        kept = payload[:KEPT]
        reason = f"{reason} (kept are the first {KEPT} of {len(payload)} bytes)"
    return Reject(f"reject-{name}", (topic, base64.b64encode(kept).decode(), received_ns), reason)


@lru_cache(maxsize=4096)
def _levels(topic: str, pattern: str) -> tuple[str, str, dict[str, str]]:
    """The device, the last level and the tags of a topic. Raises RejectedError where the topic cannot be used."""
    if not topic:
        raise RejectedError("the topic is empty")
    if _HOSTILE.search(topic):
        raise RejectedError("the topic has a control character in it, or is not UTF-8")
    if len(topic.encode()) > MAX_TOPIC:
        raise RejectedError(f"the topic is longer than {MAX_TOPIC} bytes")
    if "+" in topic or "#" in topic or topic.startswith("$"):
        raise RejectedError("the topic has a + or # in it, or begins with $")
    levels = topic.split("/")
    named = _named(levels, pattern)
    device = named.pop("device", "") or topic
    return device, levels[-1], {name: level for name, level in named.items() if level}


def _named(levels: list[str], pattern: str) -> dict[str, str]:
    """The levels that a pattern names; none where the topic does not fit."""
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
    raise RejectedError(f"{name} is no number that can be stored")


_decoder = json.JSONDecoder(parse_constant=_refuse_constant)


def _decode(payload: bytes, max_payload: int) -> Any:
    if not payload:
        raise RejectedError("it is empty")
    if len(payload) > max_payload:
        raise RejectedError(f"it is larger than {max_payload} bytes (QCTL_MAX_PAYLOAD)")
    try:
        return _decoder.decode(payload.decode())
    except UnicodeDecodeError:
        raise RejectedError("it is not UTF-8") from None
    except json.JSONDecodeError as error:
        raise RejectedError(f"it is not JSON: {error.msg} at character {error.pos}") from None
    except RecursionError:
        raise RejectedError("it is nested too deep") from None
    except ValueError:
        raise RejectedError("a number in it has too many digits") from None


def _collect(found: dict[str, Any], prefix: str, depth: int, fields: dict[str, int | float | bool]) -> None:
    """Add what can be stored of an object to `fields`."""
    if depth > MAX_DEPTH:
        raise RejectedError(f"it is nested too deep: more than {MAX_DEPTH} objects")
    for key, value in found.items():
        kind = type(value)
        if kind is float:
            if not math.isfinite(value):
                raise RejectedError("a number in it is too large")
        elif kind is int:
            if value not in INT64:
                raise RejectedError("a whole number in it has more than 64 bits")
        elif kind is dict:
            _collect(value, f"{prefix}{key}.", depth + 1, fields)
            continue
        elif kind is not bool:
            continue
        fields[_name(prefix + key)] = value
    if len(fields) > MAX_FIELDS:
        raise RejectedError(f"it has more than {MAX_FIELDS} fields")


@lru_cache(maxsize=4096)
def _name(name: str) -> str:
    """The name of a field. Raises RejectedError where it cannot be used."""
    if not name or len(name) > MAX_NAME:
        raise RejectedError(f"the name of a field is empty or longer than {MAX_NAME} characters")
    if _HOSTILE.search(name):
        raise RejectedError("the name of a field has a control character in it, or is not text")
    return name
