"""Parses items of the pipeline `readings` for the sinks.

An item is a JSON object with `topic` and `device` (text), `ts_ns` (time of measurement) and `received_ns` (time of
receipt), both in ns since 1970, `fields`, an object of numbers, booleans and texts, and optionally `tags`, an object of
texts from the topic or of line protocol, which are part of its identity.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from qctl.errors import RejectedError

MIN_NANOSECONDS, MAX_NANOSECONDS = -(2**63), 2**63 - 1
"""Range of times (ns since 1970) that the databases can store."""


class Reading(NamedTuple):
    """One measurement of a device."""

    topic: str
    device: str
    ts_ns: int
    fields: dict[str, int | float | bool | str]
    received_ns: int
    tags: Mapping[str, str] = MappingProxyType({})


def parse_reading(item: Any) -> Reading:
    """The reading of an item. Raises RejectedError if the item is invalid.

    Sources check their input. This second check is for items that others put into a buffer or edited: one bad item must
    not block its batch.
    """
    try:
        reading = Reading(**item)
    except TypeError:
        raise RejectedError("not a reading: it needs topic, device, ts_ns, fields, received_ns") from None
    _check_names(reading)
    for name, value in reading.fields.items():
        kind = type(value)
        if kind is str:
            _check_text(name, str(value))
        elif kind is not int and kind is not bool and (kind is not float or not math.isfinite(float(value))):
            raise RejectedError(f"a field is neither a number, a boolean nor a text: {name!r}")
    for name, time in (("ts_ns", reading.ts_ns), ("received_ns", reading.received_ns)):
        if type(time) is not int or not MIN_NANOSECONDS <= time <= MAX_NANOSECONDS:
            raise RejectedError(f"{name} is not a time in nanoseconds")
    return reading


def _check_text(name: str, text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise RejectedError(f"the text of a field is not valid Unicode: {name!r}") from None


def _check_names(reading: Reading) -> None:
    if not isinstance(reading.fields, dict) or not reading.fields:
        raise RejectedError("it has no fields")
    if not isinstance(reading.tags, Mapping):
        raise RejectedError("its tags are not an object")
    try:
        "".join((reading.topic, reading.device, *reading.fields, *reading.tags, *reading.tags.values())).encode()
    except TypeError:
        raise RejectedError("topic, device, tags and the names of fields must be strings") from None
    except UnicodeEncodeError:
        raise RejectedError("a name in it is not valid Unicode") from None
