"""What is judged: thresholds, and how a queue stands against them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from enum import IntEnum
from typing import Literal


class Level(IntEnum):
    """How bad it is. The numbers are the exit codes of the monitoring plug-ins' convention."""

    OK = 0
    WARNING = 1
    CRITICAL = 2
    UNKNOWN = 3


LEVEL_ORDER: tuple[Level, ...] = (Level.OK, Level.UNKNOWN, Level.WARNING, Level.CRITICAL)
"""From good to bad: a queue that is known to be bad outweighs one of which nothing is known."""


@dataclass(frozen=True)
class Threshold:
    """From which value on it is a warning, and from which critical; None where it never is.

    A value is bad where it is beyond: above, or below if `is_minimum`.
    """

    warning: float | None = None
    critical: float | None = None
    is_minimum: bool = False

    def level_of(self, value: float) -> Level:
        """How bad a value is."""
        for limit, level in ((self.critical, Level.CRITICAL), (self.warning, Level.WARNING)):
            if limit is not None and (value < limit if self.is_minimum else value > limit):
                return level
        return Level.OK


CheckedMetric = Literal["age", "depth", "dead", "errors", "workers"]


@dataclass(frozen=True)
class Thresholds:
    """What is looked at of a queue; None is not. `age` of the oldest waiting job in seconds, `depth` and `dead` in
    jobs, `errors` as a share of recent runs, `workers` that take from it, at least."""

    age: Threshold | None = None
    depth: Threshold | None = None
    dead: Threshold | None = None
    errors: Threshold | None = None
    workers: Threshold | None = None

    @property
    def enabled(self) -> dict[CheckedMetric, Threshold]:
        """Those that are looked at."""
        found = {each.name: getattr(self, each.name) for each in fields(self)}
        return {name: limit for name, limit in found.items() if limit is not None}  # type: ignore[misc]


@dataclass(frozen=True)
class CheckedValue:
    """One value of a queue, judged. `value` is None where it is not known."""

    queue: str
    what: CheckedMetric
    value: float | None
    threshold: Threshold
    level: Level


@dataclass(frozen=True)
class QueueCheck:
    """How one queue stands. `error` says why it could not be read, `paused` by whom it is held."""

    queue: str
    level: Level
    readings: Sequence[CheckedValue]
    error: str | None = None
    paused: str | None = None


@dataclass(frozen=True)
class Check:
    """How all queues stand that were looked at: as badly as the worst of them."""

    level: Level
    queues: Sequence[QueueCheck]

    @classmethod
    def of(cls, queues: Sequence[QueueCheck]) -> Check:
        """All of these."""
        return cls(max((queue.level for queue in queues), key=LEVEL_ORDER.index, default=Level.UNKNOWN), queues)
