"""How queues stand, in the words and numbers of the monitoring plug-ins' convention.

One line: what a person reads, a bar, and performance data: `'label'=value[unit];warning;critical;minimum`. Names come
from outside: a bar would end the text, and an equals sign a label.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from qctl.models import LEVEL_ORDER, Level
from qctl.safe import escape_line
from qctl.view.values import count, duration, quantity, share

if TYPE_CHECKING:
    from qctl.models import Check, CheckedMetric, CheckedValue, QueueCheck, Threshold

SHOWN = 5
"""Queues whose trouble is told; of the others it is told how many."""

MEASURED = 50
"""Queues of which there is performance data: the worst first. NRPE cuts a line at some kilobytes."""

UNITS: dict[CheckedMetric, str] = {"age": "s", "depth": "", "dead": "", "errors": "%", "workers": ""}


def summary(found: Check) -> str:
    """The whole line."""
    ordered = sorted(found.queues, key=lambda queue: -LEVEL_ORDER.index(queue.level))
    bad = [queue for queue in ordered if queue.level != Level.OK]
    if not found.queues:
        said = "no queue matches"
    elif bad:
        said = "; ".join(_trouble(queue) for queue in bad[:SHOWN])
        said += f"; and {len(bad) - SHOWN} more queues" if len(bad) > SHOWN else ""
    else:
        said = _well(found.queues)
    data = " ".join(_data(reading) for queue in ordered[:MEASURED] for reading in queue.readings)
    return line(found.level, said, data)


def line(level: Level, said: str, data: str = "") -> str:
    """`QCTL OK - all is well | 'email age'=3s;60;300;0`."""
    return f"QCTL {level.name} - {_text(said)}" + (f" | {data}" if data else "")


def trouble(queue: QueueCheck) -> str:
    """What is wrong with a queue, in words."""
    return _text(_trouble(queue))


def _text(said: str) -> str:
    return escape_line(said).replace("|", "/")


def _trouble(queue: QueueCheck) -> str:
    if queue.error:
        return f"{queue.queue}: cannot be read: {queue.error}"
    bad = ", ".join(_words(reading) for reading in queue.readings if reading.level != Level.OK)
    return f"{queue.queue}: {bad}" + (f" ({queue.paused})" if queue.paused else "")


def _words(reading: CheckedValue) -> str:
    """`the oldest waits 6m (more than 5m)`."""
    value, limits = reading.value, reading.threshold
    if value is None:
        return "how long the oldest waits is not known"
    said = {
        "age": f"the oldest waits {duration(value)}",
        "depth": f"{count(round(value))} wait",
        "dead": quantity(round(value), "dead letter"),
        "errors": f"{share(value)} of runs fail",
        "workers": quantity(round(value), "worker"),
    }[reading.what]
    limit = limits.critical if reading.level == Level.CRITICAL else limits.warning
    if limit is None:
        return said
    shown = {"age": duration(limit), "errors": share(limit)}.get(reading.what, count(round(limit)))
    return f"{said} ({'fewer' if limits.is_minimum else 'more'} than {shown})"


def _well(queues: Sequence[QueueCheck]) -> str:
    """`email, report: nothing beyond a threshold`."""
    names = ", ".join(queue.queue for queue in queues) if len(queues) <= SHOWN else f"{len(queues)} queues"
    looked = {reading.what for queue in queues for reading in queue.readings}
    return f"{names}: {'nothing is beyond a threshold' if looked else 'can be read; no thresholds were given'}"


def _data(reading: CheckedValue) -> str:
    unit = UNITS[reading.what]
    label = escape_line(f"{reading.queue} {reading.what}").replace("'", "''").replace("=", "_").replace("|", "/")
    value = "U" if reading.value is None else _number(reading.value, unit)
    limits = (
        _limit(limit, reading.threshold, unit) for limit in (reading.threshold.warning, reading.threshold.critical)
    )
    return f"'{label}'={value}{unit if value != 'U' else ''};{';'.join(limits)};0"


def _limit(limit: float | None, threshold: Threshold, unit: str) -> str:
    """A range of the convention: `10` is bad above it, `10:` below."""
    return "" if limit is None else _number(limit, unit) + (":" if threshold.is_minimum else "")


def _number(value: float, unit: str) -> str:
    return f"{value * 100 if unit == '%' else value:.3f}".rstrip("0").rstrip(".")
