"""Flattens what a device sent into fields, and counts by name what no field can hold.

- Numbers and booleans are fields. Text that is a number is one too, also with a decimal comma or a unit
  (QCTL_READINGS_NUMERIC_STRINGS); the unit is the text `name.unit`. Other text is a field of text (QCTL_READINGS_TEXT).
- The values of a nested object are named `outer.inner`, those of an array `name_0`, `name_1`.
- null and empty text are no values. `nan`, numbers of more than 64 bits, texts that are too long, values that are
  nested too deeply and names that cannot be used are left out. If two values have one name, the first is stored.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from qctl.sources.measured_text import number_with_comma, split_unit
from qctl.sources.reading_payload import REPLACEMENT, DuplicateKeys
from qctl.sources.reading_rules import (
    MAX_DEPTH,
    MAX_FIELDS,
    MAX_LEFT_OUT_NAMES,
    MAX_NAME_CHARACTERS,
    MAX_TEXT_CHARACTERS,
    OTHER_NAMES,
    ReadingRules,
    Value,
)

INT64 = range(-(2**63), 2**63)

HOSTILE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
"""Control characters and lone surrogates, which are not text."""

# An id may look like a number: "007", hexadecimal "12E4", the 17 digits of a card. It stays text.
_NUMBER = re.compile(r"[+-]?(?:0|[1-9][0-9]{0,14}|[0-9]{1,15}\.[0-9]{1,20}|\.[0-9]{1,20})(?:[eE][+-][0-9]{1,3})?")
_NO_TEXT = re.compile(f"[{REPLACEMENT}\ud800-\udfff]")
_NO_NUMBERS = frozenset(("nan", "inf", "+inf", "-inf", "infinity", "-infinity", "null", "none"))


class Fields:
    """Collects the fields of one reading in `values`, and names of values that are left out in `left_out`."""

    def __init__(self, rules: ReadingRules) -> None:
        self.values: dict[str, Value] = {}
        self.left_out: list[str] = []
        self._rules = rules

    def add_object(self, content: Mapping[str, Any], prefix: str = "", depth: int = 1) -> None:
        """Add the values of an object."""
        if isinstance(content, DuplicateKeys):
            for key in content.duplicates:
                self.leave_out(prefix + key)
        for key, value in content.items():
            self.add(prefix + key, value, depth)

    def add(self, name: str, value: Any, depth: int = 1) -> None:
        """Add a value, or those in it."""
        kind = type(value)
        if value is None or value == "":
            return
        if kind is list or isinstance(value, dict):
            if depth >= MAX_DEPTH:
                self.leave_out(name)
            elif kind is list:
                for index, element in enumerate(value[: MAX_FIELDS + 1]):
                    self.add(f"{name}_{index}", element, depth + 1)
            else:
                self.add_object(value, f"{name}.", depth + 1)
            return
        if kind is str and self._rules.numeric_strings and (measured := split_unit(value)):
            value, unit = measured
            if self._rules.text:
                self.add(f"{name}.unit", unit, depth)
            kind = type(value)
        stored = text_value(value, self._rules) if kind is str else _number(value)
        if stored is None or name in self.values or len(self.values) >= MAX_FIELDS or not is_name(name):
            self.leave_out(name)
        else:
            self.values[name] = stored

    def leave_out(self, name: str) -> None:
        """Count a value that is not stored."""
        name = HOSTILE.sub("?", name[:MAX_NAME_CHARACTERS]) or "(no name)"
        self.left_out.append(name if len(self.left_out) < MAX_LEFT_OUT_NAMES else OTHER_NAMES)


def text_value(text: str, rules: ReadingRules) -> Value | None:
    """The number in a text, or the text, or None if it is not stored."""
    stripped = text.strip()
    if rules.numeric_strings:
        if _NUMBER.fullmatch(stripped):
            return _parse_number(stripped)
        if (number := number_with_comma(stripped)) is not None:
            return number
        if stripped.lower() in _NO_NUMBERS:
            return None
    if not rules.text or len(text) > MAX_TEXT_CHARACTERS or _NO_TEXT.search(text):
        return None
    return text


def _number(value: Any) -> Value | None:
    """The value if the databases can store it."""
    if type(value) is int:
        return value if value in INT64 else None
    return value if math.isfinite(value) else None


def _parse_number(text: str) -> Value:
    return int(text) if text.lstrip("+-").isdigit() else float(text)


@lru_cache(maxsize=4096)
def is_name(name: str) -> bool:
    """True if a field may have this name."""
    return 0 < len(name) <= MAX_NAME_CHARACTERS and not HOSTILE.search(name) and REPLACEMENT not in name
