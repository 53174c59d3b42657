"""Parsing of rates: 10/s, 600/m, 5/min."""

from __future__ import annotations

import re

from qctl.errors import UsageError

UNIT_SECONDS = {"s": 1.0, "sec": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}
"""Seconds of each unit."""

MAX_RATE_PER_SECOND = 1_000_000.0

_RATE = re.compile(r"([0-9]+(?:\.[0-9]+)?)(?:/([a-z]+))?")


def parse(text: str | None, option: str) -> float | None:
    """Parse a rate into items per second; None for None. The default unit is one second.

    Raises UsageError naming the option and quoting the text.
    """
    if text is None:
        return None
    match = _RATE.fullmatch(text.strip().lower())
    unit = match[2] or "s" if match else ""
    if match is None or unit not in UNIT_SECONDS:
        raise UsageError(f"{option}: {text!r} is not a rate", "examples: 10/s, 600/m")
    rate = float(match[1]) / UNIT_SECONDS[unit]
    if not 0 < rate <= MAX_RATE_PER_SECOND:
        raise UsageError(f"{option}: {text!r} is out of range", "allowed: more than 0, at most 1000000/s")
    return rate
