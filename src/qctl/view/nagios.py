"""Output of `qctl check` in the format of monitoring plug-ins.

One line: text, a vertical bar, and performance data: `'label'=value[unit];warning;critical;minimum`. Names from outside
are escaped: a bar would end the text, and an equals sign a label.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from qctl.models import LEVEL_ORDER, Level
from qctl.quantities import quantity
from qctl.safe import escape_line
from qctl.view.values import count, duration, share

if TYPE_CHECKING:
    from qctl.models import Check, CheckedMetric, CheckedValue, QueueCheck, Threshold

MAX_LISTED_QUEUES = 5
"""Queues named in the text; the rest are counted."""

MAX_MEASURED_QUEUES = 50
"""Queues with performance data, the worst first. NRPE truncates a line after a few kilobytes."""

UNITS: dict[CheckedMetric, str] = {"age": "s", "depth": "", "dead": "", "errors": "%", "workers": ""}


def summary(check: Check) -> str:
    """Format the result of a check as one line."""
    ordered = sorted(check.queues, key=lambda queue: -LEVEL_ORDER.index(queue.level))
    bad = [queue for queue in ordered if queue.level != Level.OK]
    if not check.queues:
        text = "no queue matches"
    elif bad:
        text = "; ".join(_problems(queue) for queue in bad[:MAX_LISTED_QUEUES])
        text += f"; and {quantity(len(bad) - MAX_LISTED_QUEUES, 'more queue')}" if len(bad) > MAX_LISTED_QUEUES else ""
    else:
        text = _all_well(check.queues)
    data = " ".join(_data(reading) for queue in ordered[:MAX_MEASURED_QUEUES] for reading in queue.readings)
    return line(check.level, text, data)


def line(level: Level, text: str, data: str = "") -> str:
    """Format `QCTL OK - all is well | 'email age'=3s;60;300;0`."""
    return f"QCTL {level.name} - {_escape(text)}" + (f" | {data}" if data else "")


def describe_problems(queue: QueueCheck) -> str:
    """Describe the problems of a queue in words."""
    return _escape(_problems(queue))


def _escape(text: str) -> str:
    return escape_line(text).replace("|", "/")


def _problems(queue: QueueCheck) -> str:
    if queue.finding:
        fix = f"; next: {queue.finding.fix}" if queue.finding.fix else ""
        return f"{queue.finding.reason}{fix}"
    if queue.error:
        return f"{queue.queue}: cannot be read: {queue.error}"
    bad = ", ".join(_describe(reading) for reading in queue.readings if reading.level != Level.OK)
    return f"{queue.queue}: {bad}" + (f" ({queue.paused})" if queue.paused else "")


def _describe(reading: CheckedValue) -> str:
    """Describe one value: `oldest job waits 6m (more than 5m)`."""
    value, limits = reading.value, reading.threshold
    if value is None:
        return "age of the oldest job is unknown"
    text = {
        "age": f"oldest job waits {duration(value)}",
        "depth": f"{count(round(value))} waiting",
        "dead": quantity(round(value), "dead letter"),
        "errors": f"{share(value)} of runs fail",
        "workers": quantity(round(value), "worker"),
    }[reading.metric]
    limit = limits.critical if reading.level == Level.CRITICAL else limits.warning
    if limit is None:
        return text
    threshold = {"age": duration(limit), "errors": share(limit)}.get(reading.metric, count(round(limit)))
    return f"{text} ({'fewer' if limits.is_minimum else 'more'} than {threshold})"


def _all_well(queues: Sequence[QueueCheck]) -> str:
    """Format `email, report: all within thresholds`, or `as healthy as usual` if the health check judged them."""
    names = ", ".join(queue.queue for queue in queues) if len(queues) <= MAX_LISTED_QUEUES else f"{len(queues)} queues"
    checked = {reading.metric for queue in queues for reading in queue.readings}
    return f"{names}: {'all within thresholds' if checked else 'as healthy as usual'}"


def _data(reading: CheckedValue) -> str:
    unit = UNITS[reading.metric]
    label = escape_line(f"{reading.queue} {reading.metric}").replace("'", "''").replace("=", "_").replace("|", "/")
    value = "U" if reading.value is None else _number(reading.value, unit)
    limits = (
        _limit(limit, reading.threshold, unit) for limit in (reading.threshold.warning, reading.threshold.critical)
    )
    return f"'{label}'={value}{unit if value != 'U' else ''};{';'.join(limits)};0"


def _limit(limit: float | None, threshold: Threshold, unit: str) -> str:
    """Format a threshold of the convention: `10` is bad above it, `10:` below."""
    return "" if limit is None else _number(limit, unit) + (":" if threshold.is_minimum else "")


def _number(value: float, unit: str) -> str:
    return f"{value * 100 if unit == '%' else value:.3f}".rstrip("0").rstrip(".")
