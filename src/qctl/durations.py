"""Parses durations such as 90s, 30m, 1h30m, 2d."""

from __future__ import annotations

import re

from qctl.errors import UsageError

UNITS = {"w": 604_800.0, "d": 86_400.0, "h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
"""Seconds in each unit, from long to short, the order in which they may be written."""

MAX_SECONDS = 3650 * UNITS["d"]

_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)([^0-9.]*)")
_HINT = "write it like 90s, 30m, 1h30m or 2d"


def parse(text: str, option: str, *, min_seconds: float = 0.0) -> float:
    """Convert a duration to seconds. Units go from long to short, each at most once; every number needs a unit.

    Raises UsageError that names the option and quotes the part that is wrong.
    """
    total = 0.0
    allowed = list(UNITS)
    position = 0
    stripped = text.strip()
    if not stripped:
        raise UsageError(f"{option} is empty", _HINT)
    while position < len(stripped):
        part = _PART.match(stripped, position)
        if part is None:
            raise _error(option, stripped, stripped[position:], "is not a duration")
        number, unit = part[1], part[2].strip().lower()
        if not unit:
            raise _error(option, stripped, part[0], "has no unit")
        if unit not in UNITS:
            raise _error(option, stripped, part[0], f"has a unit other than {', '.join(UNITS)}")
        if unit not in allowed:
            raise _error(option, stripped, part[0], "comes after a shorter or equal unit")
        allowed = allowed[allowed.index(unit) + 1 :]
        total += float(number) * UNITS[unit]
        position = part.end()
    if not min_seconds <= total <= MAX_SECONDS:
        problem = "is longer than ten years" if total > MAX_SECONDS else f"is shorter than {min_seconds:g}s"
        raise UsageError(f"{option}: {stripped!r} {problem}", _HINT)
    return total


def _error(option: str, whole: str, part: str, problem: str) -> UsageError:
    context = "" if part == whole else f" in {whole!r}"
    return UsageError(f"{option}: {part!r}{context} {problem}", _HINT)
