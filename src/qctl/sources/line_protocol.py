"""Parses InfluxDB line protocol into readings: `bme280,device=attic,floor=2 temperature=21.5 1700000000`.

`measurements.py` states what measurement and tags become. A number may end in `i` or `u`.
https://docs.influxdata.com/influxdb/v2/reference/syntax/line-protocol/
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

from qctl.errors import RejectedError
from qctl.sources import measurements
from qctl.sources.reading_rules import Parsed, ReadingRules, Value, combine

INVALID_LINE = "(invalid line)"
"""Name under which invalid lines of a message are counted."""

PRECISIONS: Mapping[str, int] = {"ns": 1, "us": 10**3, "ms": 10**6, "s": 10**9}
"""Units of timestamps, in nanoseconds."""

_MEASUREMENT = re.compile(r"((?:\\[, ]|\\(?![, ])|[^, \\])+)")
_NAME = r"((?:\\[,= ]|\\(?![,= ])|[^,= \\])+)"
_TAG = re.compile(f",{_NAME}={_NAME}")
_FIELD = re.compile(rf'{_NAME}=("(?:\\["\\]|\\(?!["\\])|[^"\\])*"|[^, "]+)')
_LINE = re.compile(r'(?:(?<==)"(?:\\[\s\S]|[^"\\])*"|[^\n])+')
_TIME = re.compile(r" +(-?[0-9]{1,19}) *")

_FLOAT = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_INTEGER = re.compile(r"[+-]?[0-9]{1,20}[iu]")
_BOOLEANS = {
    **dict.fromkeys(("t", "T", "true", "True", "TRUE"), True),
    **dict.fromkeys(("f", "F", "false", "False", "FALSE"), False),
}
_NO_NUMBERS = frozenset(("nan", "inf", "infinity"))
_BEGIN = re.compile(rf"{_MEASUREMENT.pattern}(?:{_TAG.pattern})* +{_NAME}=(?:\"|[-+.0-9tTfF])")
_ESCAPED = re.compile(r"\\([,= ])")
_ESCAPED_IN_TEXT = re.compile(r'\\(["\\])')


def parse(line: str, received_ns: int, rules: ReadingRules, precision: str = "ns", topic: str | None = None) -> Parsed:
    """Parse a line. A reading without a timestamp gets the time of receipt.

    `topic` is that of the MQTT message with the line. Raises RejectedError with a reason that repeats nothing of the
    line.
    """
    if len(line.encode(errors="surrogatepass")) > rules.max_payload:
        raise RejectedError(f"line is larger than {rules.max_payload} bytes (QCTL_MAX_PAYLOAD)")
    measurement, tags, at = _series(line)
    fields, at = _fields(line, at)
    ts_ns = _timestamp(line, at, PRECISIONS[precision])
    return measurements.parse(measurement, tags, fields, ts_ns, received_ns, rules, topic)


def parse_all(text: str, received_ns: int, rules: ReadingRules, topic: str | None = None) -> Parsed:
    """Parse the lines of one message. An invalid line is left out, unless none is valid: then its error is raised."""
    results: list[Parsed] = []
    failures: list[RejectedError] = []
    for number, line in enumerate(split(text)):
        try:
            results.append(parse(line, received_ns + number, rules, topic=topic))
        except RejectedError as error:
            failures.append(error)
            results.append(Parsed([], (INVALID_LINE,)))
    if failures and len(failures) == len(results):
        raise failures[0]
    return combine(results)


def split(text: str) -> list[str]:
    """The lines that are neither empty nor comments. A string may contain line breaks."""
    lines = _LINE.findall(text) if '"' in text else text.split("\n")
    return [line for line in (line.strip("\r") for line in lines) if line.strip() and line[0] != "#"]


def is_likely(text: str) -> bool:
    """True if the first line begins as line protocol does: a measurement, a space, a field."""
    line = text.split("\n", 1)[0]
    return _BEGIN.match(line) is not None


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


def _fields(line: str, at: int) -> tuple[dict[str, Value], int]:
    """The fields, and where they end."""
    while line[at : at + 1] == " ":
        at += 1
    fields: dict[str, Value] = {}
    while field := _FIELD.match(line, at):
        fields[_unescape(field[1])] = _value(field[2], field.start(2))
        at = field.end()
        if line[at : at + 1] != ",":
            return fields, at
        at += 1
    raise RejectedError(f"malformed field at character {at}")


def _value(text: str, at: int) -> Value:
    if text[0] == '"':
        return _ESCAPED_IN_TEXT.sub(r"\1", text[1:-1])
    if text in _BOOLEANS:
        return _BOOLEANS[text]
    if _INTEGER.fullmatch(text):
        return int(text[:-1])
    if text.lower().lstrip("+-") in _NO_NUMBERS:
        return math.nan
    if _FLOAT.fullmatch(text):
        return float(text)
    raise RejectedError(f"the value at character {at} is neither a number, a boolean nor a quoted string")


def _timestamp(line: str, at: int, unit: int) -> int | None:
    """Nanoseconds since 1970, None if the line has no timestamp."""
    if not line[at:].strip():
        return None
    timestamp = _TIME.fullmatch(line, at)
    if timestamp is None:
        raise RejectedError(f"malformed timestamp at character {at}")
    ns = int(timestamp[1]) * unit
    if not 0 <= ns < 2**63:
        raise RejectedError("timestamp is not between 1970 and 2262; is `precision` right?")
    return ns


def _unescape(name: str) -> str:
    return _ESCAPED.sub(r"\1", name)
