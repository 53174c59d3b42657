"""Parses InfluxDB line protocol into readings: `bme280,device=attic,floor=2 temperature=21.5 1700000000`.

The device is the tag `device`, else the measurement; other tags stay tags. The topic is the tag `topic`, else
measurement and device. String fields are ignored, as in JSON; a number may end in `i` or `u`.
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
"""Units of timestamps, in nanoseconds."""

_MEASUREMENT = re.compile(r"((?:\\[, ]|\\(?![, ])|[^, \\])+)")
_NAME = r"((?:\\[,= ]|\\(?![,= ])|[^,= \\])+)"
_TAG = re.compile(f",{_NAME}={_NAME}")
_FIELD = re.compile(rf'{_NAME}=("(?:\\["\\]|\\(?!["\\])|[^"\\])*"|[^, "]+)')
_TIME = re.compile(r" +(-?[0-9]{1,19}) *")

_FLOAT = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_INTEGER = re.compile(r"[+-]?[0-9]{1,20}[iu]")
_BOOLEANS = {
    **dict.fromkeys(("t", "T", "true", "True", "TRUE"), True),
    **dict.fromkeys(("f", "F", "false", "False", "FALSE"), False),
}
_ESCAPED = re.compile(r"\\([,= ])")


def parse(line: str, received_ns: int, max_payload: int, precision: str = "ns") -> Reading:
    """Parse a line. A reading without a timestamp gets the time of receipt.

    `max_payload` is in bytes. Raises RejectedError with a reason that repeats nothing of the line.
    """
    if len(line.encode(errors="surrogatepass")) > max_payload:
        raise RejectedError(f"line is larger than {max_payload} bytes (QCTL_MAX_PAYLOAD)")
    measurement, tags, at = _series(line)
    fields, at = _fields(line, at)
    device = tags.pop("device", "") or measurement
    topic = tags.pop("topic", "") or (measurement if device == measurement else f"{measurement}/{device}")
    reading = reading_parser.parse(topic, json.dumps(fields).encode(), received_ns, max_payload)
    reading.pop("tags", None)
    reading["device"] = device
    reading["ts_ns"] = _timestamp(line, at, received_ns, PRECISIONS[precision])
    if tags:
        reading["tags"] = tags
    return reading


def _series(line: str) -> tuple[str, dict[str, str], int]:
    """The measurement, the tags, and where they end."""
    measurement = _MEASUREMENT.match(line)
    if measurement is None:
        raise RejectedError("line does not begin with a measurement")
    at, tags = measurement.end(), {}
    while tag := _TAG.match(line, at):
        tags[_unescape(tag[1])] = _unescape(tag[2])
        at = tag.end()
    if line[at : at + 1] != " ":
        raise RejectedError(f"malformed tag at character {at}, or no fields")
    return _unescape(measurement[1]), tags, at


def _fields(line: str, at: int) -> tuple[dict[str, int | float | bool], int]:
    """The fields that are not strings, and where they end."""
    while line[at : at + 1] == " ":
        at += 1
    fields: dict[str, int | float | bool] = {}
    while field := _FIELD.match(line, at):
        if not field[2].startswith('"'):
            fields[_unescape(field[1])] = _value(field[2], field.start(2))
        at = field.end()
        if line[at : at + 1] != ",":
            return fields, at
        at += 1
    raise RejectedError(f"malformed field at character {at}")


def _value(text: str, at: int) -> int | float | bool:
    if text in _BOOLEANS:
        return _BOOLEANS[text]
    if _INTEGER.fullmatch(text):
        return int(text[:-1])
    if _FLOAT.fullmatch(text) and math.isfinite(number := float(text)):
        return number
    raise RejectedError(f"the value at character {at} is neither a number, a boolean nor a quoted string")


def _timestamp(line: str, at: int, received_ns: int, unit: int) -> int:
    if not line[at:].strip():
        return received_ns
    timestamp = _TIME.fullmatch(line, at)
    if timestamp is None:
        raise RejectedError(f"malformed timestamp at character {at}")
    ns = int(timestamp[1]) * unit
    if not 0 <= ns < 2**63:
        raise RejectedError("timestamp is not between 1970 and 2262; is `precision` right?")
    return ns


def _unescape(name: str) -> str:
    return _ESCAPED.sub(r"\1", name)
