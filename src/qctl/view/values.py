"""Humanised values."""

from __future__ import annotations

import math
from datetime import datetime
from typing import TYPE_CHECKING

from qctl.safe import escape_line
from qctl.view.table import Cell

if TYPE_CHECKING:
    from qctl.histogram import Histogram
    from qctl.models import Pause
    from qctl.view.table import Style

NO_VALUE = "-"
"""Stands where there is no value."""

PERCENTILES = (50, 95, 99)
"""Which are shown of durations, everywhere."""


def count(number: int) -> str:
    """A count that fits five places: exact below 100,000, then 123k, 1.2M, 123M."""
    if abs(number) < 100_000:
        return str(number)
    for size, suffix in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        scaled = number / size
        if abs(scaled) >= 0.9995:
            return f"{scaled:.1f}{suffix}" if abs(scaled) < 9.95 else f"{scaled:.0f}{suffix}"
    raise AssertionError("a number of six places is at least 1k")


def quantity(number: int, noun: str) -> str:
    """`1 job`, `4 jobs`: exact, for sentences."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def rate(per_second: float | None) -> str:
    """Jobs a second: one decimal below 10, then whole; `-` where it is not known."""
    if per_second is None:
        return NO_VALUE
    if 0 < per_second < 0.05:
        return "<0.1"
    if 0 < per_second < 9.95:
        return f"{per_second:.1f}"
    return count(round(per_second))


def duration(seconds: float | None) -> str:
    """A duration in its two longest units: 0.4s, 12s, 5m, 2h10m, 3d4h. `-` where it is not known."""
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
    """How long something took, to two digits: 0.4ms, 12ms, 1.2s, 48s, then as `duration`. `-` where it is not known."""
    if seconds is None:
        return NO_VALUE
    for limit, scale, unit in ((0.0095, 1e3, "ms"), (0.95, 1e3, "ms"), (9.95, 1, "s")):
        if seconds < limit:
            return f"{seconds * scale:.{0 if limit == 0.95 else 1}f}{unit}"
    return duration(seconds)


def elapsed_percentiles(durations: Histogram) -> str:
    """Median, 95th and 99th percentile: `12ms 1.2s 48s`."""
    if not durations.counts:
        return NO_VALUE
    return " ".join(elapsed(durations.percentile(percent)) for percent in PERCENTILES)


def share(part: float | None) -> str:
    """A share in percent: one decimal below 10 %, then whole; `-` where it is not known."""
    if part is None:
        return NO_VALUE
    percent = part * 100
    if 0 < percent < 0.05:
        return "<0.1%"
    return f"{percent:.1f}%" if 0 < percent < 9.95 else f"{percent:.0f}%"


def eta(seconds: float | None) -> str:
    """When a queue will be empty: a duration, or `never`."""
    return "never" if seconds == math.inf else duration(seconds)


def age(then: datetime | None, now: datetime) -> str:
    """How long ago that was. Clocks differ: what lies ahead is 0s old."""
    return NO_VALUE if then is None else duration(max(0.0, (now - then).total_seconds()))


def local_time(when: datetime | None, now: datetime) -> str:
    """A time on the reader's own clock: 14:05 today, else 2025-11-22 14:05."""
    if when is None:
        return NO_VALUE
    local = when.astimezone()
    return f"{local:%H:%M}" if local.date() == now.astimezone().date() else f"{local:%Y-%m-%d %H:%M}"


def size(number: int) -> str:
    """Bytes: 812 B, 1.2 KB, 3.4 MB."""
    scaled = float(number)
    for unit in ("B", "KB", "MB"):
        if scaled < 1000:
            return f"{number} B" if unit == "B" else f"{scaled:.1f} {unit}"
        scaled /= 1000
    return f"{scaled:.1f} GB"


def pause_text(held: Pause, now: datetime, queue: str | None = None) -> str:
    """`paused 5m by ops@host: deploy, until 14:05`. `queue` is the one that is looked at, maybe a lane of `held`."""
    if queue not in (None, held.queue):
        return f"paused with {escape_line(held.queue)}"
    reason = f": {escape_line(held.reason)}" if held.reason else ""
    until = f", until {local_time(held.until, now)}" if held.until else ""
    return f"paused {age(held.at, now)} by {escape_line(held.by)}{reason}{until}"


def detail_line(name: str, value: str, style: Style = "") -> Cell:
    """One line of a list of facts about one thing."""
    return Cell(f"{name:<9} {escape_line(value)}", style)
