"""When a device says that it measured: ISO 8601, or a number since 1970 whose unit its size gives away."""

from __future__ import annotations

import re
from datetime import datetime, time, timezone
from decimal import Decimal
from typing import Any

from qctl.errors import RejectedError

LATEST = 2**63 - 1
"""Nanoseconds since 1970 that fit into 64 bits: the year 2262."""

_UNITS = ((10**10, 10**9), (10**13, 10**6), (10**16, 10**3))
"""A number below the first is in units of so many nanoseconds. The year 2262 in one unit is less than April 1970 in
the next, so no time after that has two meanings."""

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_NUMBER = re.compile(r"[0-9]{1,19}(\.[0-9]{1,30})?", re.ASCII)
_ISO = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,30}))?)?"
    r" ?(?:[Zz]|([+-])(\d\d)(?::?(\d\d))?)?",
    re.ASCII,
)


def nanoseconds(value: Any) -> int:
    """Nanoseconds since 1970 of a timestamp: a number, a string that holds one, or ISO 8601.

    A number is in seconds, milli-, micro- or nanoseconds, which its size tells. ISO 8601 is a date and a time with any
    number of decimals, with or without zone; without one it is UTC. Raises RejectedError where it is neither, or not
    between 1970 and 2262.
    """
    if type(value) is int:
        return _in_range(_scaled(value))
    if type(value) is float:
        return _in_range(_scaled(Decimal(repr(value))))
    if type(value) is str:
        text = value.strip()
        if _NUMBER.fullmatch(text):
            return _in_range(_scaled(Decimal(text)))
        if found := _ISO.fullmatch(text):
            return _in_range(_from_iso(found))
    raise RejectedError("the timestamp is neither ISO 8601 nor a number")


def _scaled(number: int | Decimal) -> int:
    if not 0 <= number <= LATEST:
        raise RejectedError("the timestamp is not between 1970 and 2262")
    return int(number * next((factor for limit, factor in _UNITS if number < limit), 1))


def _from_iso(found: re.Match[str]) -> int:
    year, month, day, hour, minute = map(int, found.group(1, 2, 3, 4, 5))
    second, fraction = int(found[6] or 0), found[7] or ""
    leap = second == 60
    try:
        since = datetime(year, month, day, hour, minute, second - leap, tzinfo=timezone.utc) - _EPOCH
        ahead = _ahead(found[8], time(int(found[9]), int(found[10] or 0))) if found[8] else 0
    except ValueError:
        raise RejectedError("the timestamp is no date and time that exists") from None
    seconds = since.days * 86_400 + since.seconds + leap - ahead
    return seconds * 10**9 + int(fraction[:9].ljust(9, "0"))


def _ahead(sign: str, zone: time) -> int:
    """Seconds that a zone is ahead of UTC."""
    seconds = zone.hour * 3600 + zone.minute * 60
    return seconds if sign == "+" else -seconds


def _in_range(ns: int) -> int:
    if not 0 <= ns <= LATEST:
        raise RejectedError("the timestamp is not between 1970 and 2262")
    return ns
