"""Fast path of the parser of readings, for the object of plain values that most messages are.

It answers only if the full parser would give the same answer with nothing left out, which takes three times as long.
"""

from __future__ import annotations

import json
from functools import lru_cache
from math import isfinite
from typing import Any

from qctl.errors import RejectedError
from qctl.sources import reading_times
from qctl.sources.measured_text import split_unit
from qctl.sources.reading_fields import INT64, is_name, text_value
from qctl.sources.reading_rules import MAX_DEPTH, MAX_FIELDS, ReadingRules, Value
from qctl.sources.timestamps import nanoseconds

_decoder = json.JSONDecoder()


def parse_plain(payload: bytes, received_ns: int, rules: ReadingRules) -> tuple[dict[str, Value], int, bool] | None:
    """Fast path for an object of finite numbers, booleans and texts with at most one time: its fields, the time, and
    whether it is the device's. None for anything else, which includes every odd case."""
    try:
        content = _decoder.decode(payload.decode())
    except (ValueError, RecursionError):
        return None
    time: Any = None
    for name in reading_times.PRIMARY_NAMES:
        if name in content and type(time := content.pop(name)) not in (str, int, float):
            return None
        if time is not None:
            quotes = 4 if type(time) is str else 2
            break
    else:
        quotes = 0
    fields: dict[str, Value] = {}
    inner = _plain_fields(content, "", 1, fields, rules)
    # A key that occurs twice leaves more quotes than the keys have.
    if not inner or not fields or len(fields) > MAX_FIELDS or payload.count(b'"') != inner + quotes:
        return None
    if len(content) == 1 and "state" in fields:  # it may be a status
        return None
    if time is None:
        return fields, received_ns, False
    try:
        ts_ns = nanoseconds(time, rules.zone)
    except RejectedError:
        return None
    return (fields, ts_ns, True) if rules.is_plausible(ts_ns, received_ns) else None


def _plain_fields(
    content: dict[str, Any], prefix: str, depth: int, fields: dict[str, Value], rules: ReadingRules
) -> int:
    """Add the values of an object to `fields`. Returns the number of quotes that it has in JSON, 0 if it is odd."""
    quotes = 2 * len(content)
    for key, value in content.items():
        name = prefix + key
        if name in fields or not (is_name(name) if prefix else _is_plain_name(key)):
            return 0
        kind = type(value)
        if (kind is float and isfinite(value)) or (kind is int and value in INT64) or kind is bool:
            fields[name] = value
        elif kind is str and rules.numeric_strings and split_unit(value):
            return 0
        elif kind is str and value and (stored := text_value(value, rules)) is not None:
            fields[name] = stored
            quotes += 2
        elif kind is dict and depth < MAX_DEPTH:
            inner = _plain_fields(value, f"{name}.", depth + 1, fields, rules)
            if not inner:
                return 0
            quotes += inner
        else:
            return 0
    return quotes


@lru_cache(maxsize=4096)
def _is_plain_name(name: str) -> bool:
    """True if a field may have this name, and it is not the name of a time or part of a known format."""
    return is_name(name) and name.lower() not in reading_times.NAMES and name not in ("params", "fields", "metrics")
