"""Options of a job as the replaced inventory system writes them, for the `add_...` methods of QueueService.

There plain numbers are milliseconds, as in Bull: `delay=5000`, `backoff=2000` or `backoff={"type": "exponential",
"delay": 2000}`. Everywhere else a plain number is seconds. A duration with a unit, `delay="5s"`, is the same in both.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from qctl.catalog.options import Options
from qctl.errors import UsageError


class OriginalOptions(Options, total=False):
    """Options of an `add_...` method.

    `removeOnComplete` and `removeOnFail`: true, false or how many jobs to keep. They are checked and change nothing:
    what is kept is decided for all jobs, by QCTL_KEEP_FINISHED, QCTL_MOST_FINISHED and QCTL_KEEP_FAILED.
    """

    removeOnComplete: bool | int
    removeOnFail: bool | int


def converted(options: Mapping[str, Any]) -> Options:
    """The options with seconds in place of milliseconds. Raises UsageError for one that has no meaning here."""
    remaining = dict(options)
    for name in ("removeOnComplete", "removeOnFail"):
        value = remaining.pop(name, None)
        if value is not None and (not isinstance(value, int) or value < 0):
            raise UsageError(f"{name} is {value!r:.40}; allowed: true, false, or the number of jobs to keep")
    if isinstance(backoff := remaining.get("backoff"), Mapping):
        remaining["backoff"] = _exponential(backoff)
    for name in ("delay", "backoff"):
        value = remaining.get(name)
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            remaining[name] = value / 1000
    return cast("Options", remaining)


def _exponential(backoff: Mapping[str, Any]) -> Any:
    """The time before the first retry in `{"type": "exponential", "delay": 2000}`."""
    if backoff.keys() - {"type", "delay"} or "delay" not in backoff:
        raise UsageError(f"backoff is {dict(backoff)!r:.80}; allowed: a number, a duration, or {{type, delay}}")
    if backoff.get("type", "exponential") != "exponential":
        raise UsageError(f"backoff type {backoff['type']!r:.40} is unknown; allowed: exponential")
    return backoff["delay"]
