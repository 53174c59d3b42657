"""Parses timestamps of devices: ISO 8601, the date of a mail or HTTP header, or a number since 1970 whose size gives
away its unit."""

from __future__ import annotations

import re
from datetime import datetime, time, timezone, tzinfo
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import Any

from qctl.errors import RejectedError

MAX_NANOSECONDS = 2**63 - 1
"""Latest time that fits into 64 bits: the year 2262."""

_UNITS = ((10**10, 10**9), (10**13, 10**6), (10**16, 10**3))
"""Upper limits of numbers, with the nanoseconds in their unit. The year 2262 in one unit is less than April 1970 in the
next, so no time after that has two meanings."""

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_NUMBER = re.compile(r"[0-9]{1,19}(\.[0-9]{1,30})?", re.ASCII)
_ISO = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,30}))?)?"
    r" ?(?:[Zz]|([+-])(\d\d)(?::?(\d\d))?)?",
    re.ASCII,
)


_BASIC = re.compile(r"(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)", re.ASCII)
"""ISO 8601 in its basic format."""

_HEADER = re.compile(r"(?:[A-Z][a-z]{2}, )?\d\d? [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d (?:GMT|UTC|[+-]\d{4})", re.ASCII)
"""RFC 5322, section 3.3, and RFC 9110."""


class TimeRangeError(RejectedError):
    """The timestamp is one, but of a time that cannot be stored."""


def nanoseconds(value: Any, zone: tzinfo = timezone.utc) -> int:
    """Convert a timestamp to nanoseconds since 1970: a number, a string that holds one, or ISO 8601.

    A number is in seconds, milli-, micro- or nanoseconds, depending on its size. ISO 8601 is a date and a time with any
    number of decimals; without a zone it is in `zone`. Raises TimeRangeError outside 1970 to 2262,
    RejectedError for anything else.
    """
    if type(value) is int:
        return _in_range(_scaled(value))
    if type(value) is float:
        return _in_range(_scaled(Decimal(repr(value))))
    if type(value) is str:
        text = value.strip()
        if _NUMBER.fullmatch(text):
            return _in_range(_scaled(Decimal(text)))
        text = _BASIC.sub(r"\1-\2-\3T\4:\5:\6", text) if text[8:9] == "T" else text
        if match := _ISO.fullmatch(text):
            return _in_range(_from_iso(match, zone))
        if _HEADER.fullmatch(text):
            return _in_range(_from_header(text))
    raise RejectedError("timestamp is neither ISO 8601 nor a number")


def _scaled(number: int | Decimal) -> int:
    if not 0 <= number <= MAX_NANOSECONDS:
        raise TimeRangeError("timestamp is not between 1970 and 2262")
    return int(number * next((factor for limit, factor in _UNITS if number < limit), 1))


def _from_iso(match: re.Match[str], zone: tzinfo) -> int:
    year, month, day, hour, minute = map(int, match.group(1, 2, 3, 4, 5))
    second, fraction = int(match[6] or 0), match[7] or ""
    leap = second == 60
    try:
        has_zone = match[8] or match[0][-1] in "Zz"
        moment = datetime(year, month, day, hour, minute, second - leap, tzinfo=timezone.utc if has_zone else zone)
        since = moment - _EPOCH
        offset = _utc_offset(match[8], time(int(match[9]), int(match[10] or 0))) if match[8] else 0
    except (ValueError, OverflowError):
        raise RejectedError("timestamp is not an existing date and time") from None
    seconds = since.days * 86_400 + since.seconds + leap - offset
    return seconds * 10**9 + int(fraction[:9].ljust(9, "0"))


def _from_header(text: str) -> int:
    try:
        since = parsedate_to_datetime(text) - _EPOCH
    except (ValueError, TypeError):
        raise RejectedError("timestamp is not an existing date and time") from None
    return (since.days * 86_400 + since.seconds) * 10**9


def _utc_offset(sign: str, zone: time) -> int:
    """Seconds by which a zone is ahead of UTC."""
    seconds = zone.hour * 3600 + zone.minute * 60
    return seconds if sign == "+" else -seconds


def _in_range(ns: int) -> int:
    if not 0 <= ns <= MAX_NANOSECONDS:
        raise TimeRangeError("timestamp is not between 1970 and 2262")
    return ns
