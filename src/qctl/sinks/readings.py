"""What a reading is when it reaches a sink.

The item of the pipeline `readings`: a JSON object with `topic` and `device` (text), `ts_ns` (when it was measured) and
`received_ns` (when it came), both in nanoseconds since 1970, `fields`, an object of numbers and booleans, and maybe
`tags`, an object of texts that the topic says too.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from qctl.errors import RejectedError

EARLIEST, LATEST = -(2**63), 2**63 - 1
"""Nanoseconds that the databases can hold."""


class Reading(NamedTuple):
    """One measurement of a device."""

    topic: str
    device: str
    ts_ns: int
    fields: dict[str, int | float | bool]
    received_ns: int
    tags: Mapping[str, str] = MappingProxyType({})


def reading(item: Any) -> Reading:
    """The reading that an item holds. Raises RejectedError where it holds none.

    Sources check what they take in. This is the guard at the other end, for what was put into a buffer or edited by
    somebody else: one bad item must not take its batch with it.
    """
    try:
        found = Reading(**item)
    except TypeError:
        raise RejectedError("not a reading: it needs topic, device, ts_ns, fields, received_ns") from None
    _check_names(found)
    for name, value in found.fields.items():
        kind = type(value)
        if kind is not int and kind is not bool and (kind is not float or not math.isfinite(value)):
            raise RejectedError(f"a field is neither a number nor a boolean: {name!r}")
    for name, time in (("ts_ns", found.ts_ns), ("received_ns", found.received_ns)):
        if type(time) is not int or not EARLIEST <= time <= LATEST:
            raise RejectedError(f"{name} is not a time in nanoseconds")
    return found


def _check_names(found: Reading) -> None:
    if not isinstance(found.fields, dict) or not found.fields:
        raise RejectedError("it has no fields")
    if not isinstance(found.tags, Mapping):
        raise RejectedError("its tags are no object")
    try:
        "".join((found.topic, found.device, *found.fields, *found.tags, *found.tags.values())).encode()
    except TypeError:
        raise RejectedError("topic, device, tags and the names of fields must be text") from None
    except UnicodeEncodeError:
        raise RejectedError("a name in it is not valid Unicode") from None
