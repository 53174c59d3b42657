"""Finds the time of measurement in what a device sent.

`timestamp`, `ts` and `time`, in any case, are times first of all; then the names that known devices use: `unixtime`
(Shelly), `tst` (OwnTracks), `received_at` (The Things Stack), `datetime`, `last_seen` (zigbee2mqtt), and `ts` in
`params` (Shelly, second generation). The first that is a plausible time counts; the others stay fields. If one of the
first three holds a number or a date that no clock that is set would show, it is dropped and counted.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from qctl.errors import RejectedError
from qctl.sources.reading_payload import DuplicateKeys
from qctl.sources.reading_rules import ReadingRules
from qctl.sources.timestamps import TimeRangeError, nanoseconds

PRIMARY_NAMES = ("timestamp", "ts", "time")
NAMES = (*PRIMARY_NAMES, "unixtime", "tst", "received_at", "datetime", "last_seen")


class Time(NamedTuple):
    """The time of measurement, None if there is no plausible one, and the keys that are no fields for that reason.

    A key of a nested object is `outer.inner`. `is_unset` is true if the device has a clock that is not set.
    """

    ts_ns: int | None
    keys: tuple[str, ...]
    is_unset: bool


def find(content: Mapping[str, Any], received_ns: int, rules: ReadingRules) -> Time:
    """Find the time in an object."""
    by_name = {key.lower(): key for key in content if key.lower() in NAMES}
    dropped: list[str] = []
    for name in NAMES:
        key = by_name.get(name)
        value = content[key] if key is not None else None
        if key is None or value is None or value == "":
            continue
        ts_ns, is_time = _read(value, received_ns, rules)
        if ts_ns is not None:
            return Time(ts_ns, (*dropped, key), False)
        if is_time and name in PRIMARY_NAMES:
            dropped.append(key)
    params = content.get("params")
    if isinstance(params, dict) and "ts" in params:
        ts_ns, _ = _read(params["ts"], received_ns, rules)
        if ts_ns is not None:
            return Time(ts_ns, (*dropped, "params.ts"), False)
    return Time(None, tuple(dropped), bool(dropped))


def _read(value: Any, received_ns: int, rules: ReadingRules) -> tuple[int | None, bool]:
    """The time that a value holds, None if it is not plausible, and whether the value is a time at all."""
    try:
        ts_ns = nanoseconds(value, rules.zone)
    except TimeRangeError:
        return None, True
    except RejectedError:
        return None, False
    return (ts_ns, True) if rules.is_plausible(ts_ns, received_ns) else (None, True)


def without(content: dict[str, Any], time: Time) -> dict[str, Any]:
    """The object without the keys of its time."""
    if not time.keys:
        return content
    found = dict(content)
    if isinstance(content, DuplicateKeys):
        found = DuplicateKeys(found)
        found.duplicates = content.duplicates
    for key in time.keys:
        if key == "params.ts":
            found["params"] = {name: value for name, value in content["params"].items() if name != "ts"}
        else:
            found.pop(key, None)
    return found
