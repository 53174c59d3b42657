"""Humanised values."""

from __future__ import annotations

import math
from datetime import datetime
from typing import TYPE_CHECKING

from qctl.safe import escape_line

if TYPE_CHECKING:
    from qctl.histogram import Histogram
    from qctl.models import Pause

NO_VALUE = "-"

PERCENTILES = (50, 95, 99)
"""Percentiles that are shown of every duration."""


def count(number: int) -> str:
    """Format a count in at most five characters: exact below 100,000, then 123k, 1.2M, 123M."""
    if abs(number) < 100_000:
        return str(number)
    for size, suffix in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        scaled = number / size
        if abs(scaled) >= 0.9995:
            return f"{scaled:.1f}{suffix}" if abs(scaled) < 9.95 else f"{scaled:.0f}{suffix}"
    raise AssertionError("a number of six places is at least 1k")


def rate(per_second: float | None) -> str:
    """Format jobs per second: one decimal below 10, then whole; `-` if unknown."""
    if per_second is None:
        return NO_VALUE
    if 0 < per_second < 0.05:
        return "<0.1"
    if 0 < per_second < 9.95:
        return f"{per_second:.1f}"
    return count(round(per_second))


def duration(seconds: float | None) -> str:
    """Format a duration in its two longest units: 0.4s, 12s, 5m, 2h10m, 3d4h; `-` if unknown."""
    if seconds is None:
        return NO_VALUE
    if seconds < 0.95:
        return f"{max(seconds, 0.0):.1f}s" if seconds >= 0.05 else "0s"
    whole = round(seconds)
    for longer, shorter, big, small in (("d", "h", 86_400, 3600), ("h", "m", 3600, 60), ("m", "s", 60, 1)):
        if whole >= big:
            major, rest = divmod(whole, big)
            minor = rest // small
            return f"{major}{longer}" + (f"{minor}{shorter}" if minor else "")
    return f"{whole}s"


def elapsed(seconds: float | None) -> str:
    """Format an elapsed time with two digits: 0.4ms, 12ms, 1.2s, 48s, then as `duration`; `-` if unknown."""
    if seconds is None:
        return NO_VALUE
    for limit, scale, unit in ((0.0095, 1e3, "ms"), (0.95, 1e3, "ms"), (9.95, 1, "s")):
        if seconds < limit:
            return f"{seconds * scale:.{0 if limit == 0.95 else 1}f}{unit}"
    return duration(seconds)


def elapsed_percentiles(durations: Histogram) -> str:
    """Format median, 95th and 99th percentile: `12ms 1.2s 48s`."""
    if not durations.counts:
        return NO_VALUE
    return " ".join(elapsed(durations.percentile(percent)) for percent in PERCENTILES)


def share(part: float | None) -> str:
    """Format a share in percent: one decimal below 10 %, then whole; `-` if unknown."""
    if part is None:
        return NO_VALUE
    percent = part * 100
    if 0 < percent < 0.05:
        return "<0.1%"
    return f"{percent:.1f}%" if 0 < percent < 9.95 else f"{percent:.0f}%"


def eta(seconds: float | None) -> str:
    """Format the time until a queue is empty: a duration, or `never`."""
    return "never" if seconds == math.inf else duration(seconds)


def age(then: datetime | None, now: datetime) -> str:
    """Format the time since then. A time in the future counts as now, because clocks differ."""
    return NO_VALUE if then is None else duration(max(0.0, (now - then).total_seconds()))


def local_time(when: datetime | None, now: datetime) -> str:
    """Format a time in the local time zone: 14:05 today, else 2025-11-22 14:05."""
    if when is None:
        return NO_VALUE
    local = when.astimezone()
    return f"{local:%H:%M}" if local.date() == now.astimezone().date() else f"{local:%Y-%m-%d %H:%M}"


def size(number: int) -> str:
    """Format bytes: 812 B, 1.2 KB, 3.4 MB."""
    scaled = float(number)
    for unit in ("B", "KB", "MB"):
        if scaled < 1000:
            return f"{number} B" if unit == "B" else f"{scaled:.1f} {unit}"
        scaled /= 1000
    return f"{scaled:.1f} GB"


def pause_text(pause: Pause, now: datetime, queue: str | None = None) -> str:
    """Format a pause: `paused 5m by ops@host: deploy, until 14:05`. `queue` may be a lane of the paused queue."""
    if queue not in (None, pause.queue):
        return f"paused with {escape_line(pause.queue)}"
    reason = f": {escape_line(pause.reason)}" if pause.reason else ""
    until = f", until {local_time(pause.until, now)}" if pause.until else ""
    return f"paused {age(pause.at, now)} by {escape_line(pause.by)}{reason}{until}"
