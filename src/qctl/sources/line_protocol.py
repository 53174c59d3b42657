"""A line of InfluxDB's line protocol becomes a reading: `bme280,device=attic,floor=2 temperature=21.5 1700000000`.

The tag `device` says which device it is, else the measurement does; other tags are tags. The topic is the tag `topic`,
else measurement and device. Fields that are texts are passed over, as in JSON; a number may end in `i` or `u`.
https://docs.influxdata.com/influxdb/v2/reference/syntax/line-protocol/
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping

from qctl.errors import RejectedError
from qctl.sources import reading_parser
from qctl.sources.reading_parser import Reading

PRECISIONS: Mapping[str, int] = {"ns": 1, "us": 10**3, "ms": 10**6, "s": 10**9}
"""Nanoseconds of the units that a time may be in."""

_MEASUREMENT = re.compile(r"((?:\\[, ]|\\(?![, ])|[^, \\])+)")
_NAME = r"((?:\\[,= ]|\\(?![,= ])|[^,= \\])+)"
_TAG = re.compile(f",{_NAME}={_NAME}")
_FIELD = re.compile(rf'{_NAME}=("(?:\\["\\]|\\(?!["\\])|[^"\\])*"|[^, "]+)')
_TIME = re.compile(r" +(-?[0-9]{1,19}) *")

_FLOAT = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_WHOLE = re.compile(r"[+-]?[0-9]{1,20}[iu]")
_TRUTHS = {
    **dict.fromkeys(("t", "T", "true", "True", "TRUE"), True),
    **dict.fromkeys(("f", "F", "false", "False", "FALSE"), False),
}
_ESCAPED = re.compile(r"\\([,= ])")


def parse(line: str, received_ns: int, max_payload: int, precision: str = "ns") -> Reading:
    """The reading of a line. Without a time of its own it was measured when it was received.

    `max_payload` is in bytes. Raises RejectedError with a reason that repeats nothing of the line.
    """
    if len(line.encode(errors="surrogatepass")) > max_payload:
        raise RejectedError(f"it is larger than {max_payload} bytes (QCTL_MAX_PAYLOAD)")
    measurement, tags, at = _series(line)
    fields, at = _fields(line, at)
    device = tags.pop("device", "") or measurement
    topic = tags.pop("topic", "") or (measurement if device == measurement else f"{measurement}/{device}")
    found = reading_parser.parse(topic, json.dumps(fields).encode(), received_ns, max_payload)
    found.pop("tags", None)
    found["device"] = device
    found["ts_ns"] = _time(line, at, received_ns, PRECISIONS[precision])
    if tags:
        found["tags"] = tags
    return found


def _series(line: str) -> tuple[str, dict[str, str], int]:
    """The measurement, the tags, and where they end."""
    named = _MEASUREMENT.match(line)
    if named is None:
        raise RejectedError("it does not begin with a measurement")
    at, tags = named.end(), {}
    while tag := _TAG.match(line, at):
        tags[_plain(tag[1])] = _plain(tag[2])
        at = tag.end()
    if line[at : at + 1] != " ":
        raise RejectedError(f"a tag cannot be read at character {at}, or there are no fields")
    return _plain(named[1]), tags, at


def _fields(line: str, at: int) -> tuple[dict[str, int | float | bool], int]:
    """The fields that can be stored, and where they end."""
    while line[at : at + 1] == " ":
        at += 1
    fields: dict[str, int | float | bool] = {}
    while found := _FIELD.match(line, at):
        if not found[2].startswith('"'):
            fields[_plain(found[1])] = _value(found[2], found.start(2))
        at = found.end()
        if line[at : at + 1] != ",":
            return fields, at
        at += 1
    raise RejectedError(f"a field cannot be read at character {at}")


def _value(text: str, at: int) -> int | float | bool:
    if text in _TRUTHS:
        return _TRUTHS[text]
    if _WHOLE.fullmatch(text):
        return int(text[:-1])
    if _FLOAT.fullmatch(text) and math.isfinite(number := float(text)):
        return number
    raise RejectedError(f"the value at character {at} is neither a number, a boolean nor a text in quotes")


def _time(line: str, at: int, received_ns: int, unit: int) -> int:
    if not line[at:].strip():
        return received_ns
    told = _TIME.fullmatch(line, at)
    if told is None:
        raise RejectedError(f"the time cannot be read at character {at}")
    ns = int(told[1]) * unit
    if not 0 <= ns < 2**63:
        raise RejectedError("the time is not between 1970 and 2262; is `precision` right?")
    return ns


def _plain(name: str) -> str:
    return _ESCAPED.sub(r"\1", name)
