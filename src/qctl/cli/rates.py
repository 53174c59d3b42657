"""Rates as people type them: 10/s, 600/m, 5/min."""

from __future__ import annotations

import re

from qctl.errors import UsageError

UNITS = {"s": 1.0, "sec": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}
"""Seconds in each unit."""

FASTEST = 1_000_000.0

_RATE = re.compile(r"([0-9]+(?:\.[0-9]+)?)(?:/([a-z]+))?")


def parse(text: str | None, option: str) -> float | None:
    """How many a second, None where nothing was given; a number alone is a second's.

    Raises UsageError naming the option and quoting the text.
    """
    if text is None:
        return None
    found = _RATE.fullmatch(text.strip().lower())
    unit = found[2] or "s" if found else ""
    if found is None or unit not in UNITS:
        raise UsageError(f"{option}: {text!r} is not a rate", "write it like 10/s or 600/m")
    rate = float(found[1]) / UNITS[unit]
    if not 0 < rate <= FASTEST:
        raise UsageError(f"{option}: {text!r} is not between 0 and a million a second")
    return rate
