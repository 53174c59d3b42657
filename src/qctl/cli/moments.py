"""Parsing of points in time: 2h for two hours ago, or a time as 2026-11-22T14:05Z."""

from __future__ import annotations

import time
from datetime import datetime

from qctl import durations
from qctl.errors import UsageError


def parse(text: str | None, option: str) -> float | None:
    """Convert a time to seconds since 1970; None for None. A time without a zone is local.

    Raises UsageError that names the option and quotes the text.
    """
    if text is None:
        return None
    typed = text.strip()
    if not typed[:5].endswith("-"):
        return time.time() - durations.parse(typed, option)
    try:
        # Python 3.10 does not accept Z as UTC.
        return datetime.fromisoformat(f"{typed[:-1]}+00:00" if typed.endswith("Z") else typed).timestamp()
    except (ValueError, OverflowError, OSError):
        raise UsageError(f"{option}: {text!r} is not a time", "examples: 2h, 2026-11-22, 2026-11-22T14:05Z") from None
