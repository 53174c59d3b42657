"""Parse thresholds: `60s:300s`, `1000:5000`, `:50`, `5%:20%`. A single value is the critical one."""

from __future__ import annotations

import re
from collections.abc import Callable

from qctl import durations
from qctl.errors import UsageError
from qctl.models import Threshold

_HINT = "write WARNING:CRITICAL, for example {}, or the critical value alone"


def parse_age(text: str, option: str) -> Threshold:
    """Parse durations: `60s:300s`. Raises UsageError that names the option and quotes the invalid part."""
    return _parse(text, option, durations.parse, "60s:300s")


def parse_count(text: str, option: str) -> Threshold:
    """Parse whole numbers: `1000:5000`. Raises UsageError."""
    return _parse(text, option, _whole_number, "1000:5000")


def parse_share(text: str, option: str) -> Threshold:
    """Parse percentages: `5%:20%`. Raises UsageError."""
    return _parse(text, option, _percentage, "5%:20%")


def parse_minimum(text: str, option: str) -> Threshold:
    """Parse whole numbers that a value must not fall below: `2:1`. Raises UsageError."""
    return _parse(text, option, _whole_number, "2:1", is_minimum=True)


def _parse(
    text: str, option: str, parse_number: Callable[[str, str], float], example: str, is_minimum: bool = False
) -> Threshold:
    parts = text.strip().split(":")
    hint = _HINT.format(example)
    if len(parts) > 2:
        raise UsageError(f"{option}: {text.strip()!r} has more than two values", hint)
    values = [parse_number(part, option) if part.strip() else None for part in parts]
    if not any(value is not None for value in values):
        raise UsageError(f"{option}: {text.strip()!r} has no value", hint)
    warning, critical = (None, values[0]) if len(values) == 1 else (values[0], values[1])
    if warning is not None and critical is not None and (warning < critical if is_minimum else warning > critical):
        side = "below" if is_minimum else "above"
        raise UsageError(f"{option}: {text.strip()!r} has a warning value {side} the critical value", hint)
    return Threshold(warning, critical, is_minimum)


def _whole_number(text: str, option: str) -> float:
    if not re.fullmatch(r"[0-9]{1,12}", text.strip(), re.ASCII):
        raise UsageError(f"{option}: {text.strip()!r} is not a whole number", _HINT.format("1000:5000"))
    return int(text)


def _percentage(text: str, option: str) -> float:
    match = re.fullmatch(r"([0-9]{1,3}(?:\.[0-9]{1,6})?)\s*%", text.strip(), re.ASCII)
    if not match or float(match[1]) > 100:
        raise UsageError(f"{option}: {text.strip()!r} is not a percentage up to 100%", _HINT.format("5%:20%"))
    return float(match[1]) / 100
