"""Parses timestamps of devices: ISO 8601, or a number since 1970 whose size gives away its unit."""

from __future__ import annotations

import re
from datetime import datetime, time, timezone
from decimal import Decimal
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


def nanoseconds(value: Any) -> int:
    """Convert a timestamp to nanoseconds since 1970: a number, a string that holds one, or ISO 8601.

    A number is in seconds, milli-, micro- or nanoseconds, depending on its size. ISO 8601 is a date and a time with any
    number of decimals; without a zone it is UTC. Raises RejectedError for anything else, and outside 1970 to 2262.
    """
    if type(value) is int:
        return _in_range(_scaled(value))
    if type(value) is float:
        return _in_range(_scaled(Decimal(repr(value))))
    if type(value) is str:
        text = value.strip()
        if _NUMBER.fullmatch(text):
            return _in_range(_scaled(Decimal(text)))
        if match := _ISO.fullmatch(text):
            return _in_range(_from_iso(match))
    raise RejectedError("timestamp is neither ISO 8601 nor a number")


def _scaled(number: int | Decimal) -> int:
    if not 0 <= number <= MAX_NANOSECONDS:
        raise RejectedError("timestamp is not between 1970 and 2262")
    return int(number * next((factor for limit, factor in _UNITS if number < limit), 1))


def _from_iso(match: re.Match[str]) -> int:
    year, month, day, hour, minute = map(int, match.group(1, 2, 3, 4, 5))
    second, fraction = int(match[6] or 0), match[7] or ""
    leap = second == 60
    try:
        since = datetime(year, month, day, hour, minute, second - leap, tzinfo=timezone.utc) - _EPOCH
        offset = _utc_offset(match[8], time(int(match[9]), int(match[10] or 0))) if match[8] else 0
    except ValueError:
        raise RejectedError("timestamp is not an existing date and time") from None
    seconds = since.days * 86_400 + since.seconds + leap - offset
    return seconds * 10**9 + int(fraction[:9].ljust(9, "0"))


def _utc_offset(sign: str, zone: time) -> int:
    """Seconds by which a zone is ahead of UTC."""
    seconds = zone.hour * 3600 + zone.minute * 60
    return seconds if sign == "+" else -seconds


def _in_range(ns: int) -> int:
    if not 0 <= ns <= MAX_NANOSECONDS:
        raise RejectedError("timestamp is not between 1970 and 2262")
    return ns
