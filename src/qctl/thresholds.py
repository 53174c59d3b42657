"""Thresholds as people type them: `60s:300s`, `1000:5000`, `:50`, `5%:20%`. One value alone is the critical one."""

from __future__ import annotations

import re
from collections.abc import Callable

from qctl import durations
from qctl.errors import UsageError
from qctl.models import Threshold

_HINT = "write WARNING:CRITICAL, as in {}, or the critical one alone"


def age(text: str, option: str) -> Threshold:
    """Of durations: `60s:300s`. Raises UsageError naming the option and quoting the part that cannot be read."""
    return _parse(text, option, durations.parse, "60s:300s")


def count(text: str, option: str) -> Threshold:
    """Of whole numbers: `1000:5000`. Raises UsageError."""
    return _parse(text, option, _whole, "1000:5000")


def share(text: str, option: str) -> Threshold:
    """Of percentages: `5%:20%`. Raises UsageError."""
    return _parse(text, option, _percent, "5%:20%")


def least(text: str, option: str) -> Threshold:
    """Of whole numbers below which it is bad: `2:1`. Raises UsageError."""
    return _parse(text, option, _whole, "2:1", least=True)


def _parse(text: str, option: str, number: Callable[[str, str], float], example: str, least: bool = False) -> Threshold:
    parts = text.strip().split(":")
    hint = _HINT.format(example)
    if len(parts) > 2:
        raise UsageError(f"{option}: {text.strip()!r} has more than two values", hint)
    read = [number(part, option) if part.strip() else None for part in parts]
    if not any(value is not None for value in read):
        raise UsageError(f"{option}: {text.strip()!r} has no value", hint)
    warning, critical = (None, read[0]) if len(read) == 1 else (read[0], read[1])
    if warning is not None and critical is not None and (warning < critical if least else warning > critical):
        beyond = "below" if least else "above"
        raise UsageError(f"{option}: {text.strip()!r} warns only {beyond} the critical value", hint)
    return Threshold(warning, critical, least)


def _whole(text: str, option: str) -> float:
    if not re.fullmatch(r"[0-9]{1,12}", text.strip(), re.ASCII):
        raise UsageError(f"{option}: {text.strip()!r} is not a whole number", _HINT.format("1000:5000"))
    return int(text)


def _percent(text: str, option: str) -> float:
    found = re.fullmatch(r"([0-9]{1,3}(?:\.[0-9]{1,6})?)\s*%", text.strip(), re.ASCII)
    if not found or float(found[1]) > 100:
        raise UsageError(f"{option}: {text.strip()!r} is not a percentage up to 100%", _HINT.format("5%:20%"))
    return float(found[1]) / 100
