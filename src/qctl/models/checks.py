"""Thresholds, and the results of comparing queues with them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from enum import IntEnum
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from qctl.models.health import Finding


class Level(IntEnum):
    """Severity. The numbers are the exit codes of monitoring plug-ins."""

    OK = 0
    WARNING = 1
    CRITICAL = 2
    UNKNOWN = 3


LEVEL_ORDER: tuple[Level, ...] = (Level.OK, Level.UNKNOWN, Level.WARNING, Level.CRITICAL)
"""Levels from best to worst: a problem outweighs an unknown state."""


@dataclass(frozen=True)
class Threshold:
    """Limits for a warning and for a critical level; None for no limit.

    A value exceeds a limit if it is above it, or, if `is_minimum`, below it.
    """

    warning: float | None = None
    critical: float | None = None
    is_minimum: bool = False

    def level_of(self, value: float) -> Level:
        """Return the level of a value."""
        for limit, level in ((self.critical, Level.CRITICAL), (self.warning, Level.WARNING)):
            if limit is not None and (value < limit if self.is_minimum else value > limit):
                return level
        return Level.OK


CheckedMetric = Literal["age", "depth", "dead", "errors", "workers"]


@dataclass(frozen=True)
class Thresholds:
    """Thresholds of a queue; None is not checked. `age` of the oldest waiting job in seconds, `depth` and `dead` in
    jobs, `errors` as a share of recent runs, `workers` as the minimum number of listening workers."""

    age: Threshold | None = None
    depth: Threshold | None = None
    dead: Threshold | None = None
    errors: Threshold | None = None
    workers: Threshold | None = None

    @property
    def enabled(self) -> dict[CheckedMetric, Threshold]:
        """Thresholds that are set, by metric."""
        limits = {spec.name: getattr(self, spec.name) for spec in fields(self)}
        return {name: limit for name, limit in limits.items() if limit is not None}  # type: ignore[misc]


@dataclass(frozen=True)
class CheckedValue:
    """One checked value of a queue. `value` is None if unknown."""

    queue: str
    metric: CheckedMetric
    value: float | None
    threshold: Threshold
    level: Level


@dataclass(frozen=True)
class QueueCheck:
    """Result for one queue. `error` is the reason if it is unreadable, `paused` describes its pause.

    An alert by a finding has its subject as `queue`, and the finding.
    """

    queue: str
    level: Level
    readings: Sequence[CheckedValue]
    error: str | None = None
    paused: str | None = None
    finding: Finding | None = None


@dataclass(frozen=True)
class Check:
    """Result for all checked queues; `level` is the worst."""

    level: Level
    queues: Sequence[QueueCheck]

    @classmethod
    def of(cls, queues: Sequence[QueueCheck]) -> Check:
        """Create the result of these queues."""
        return cls(max((queue.level for queue in queues), key=LEVEL_ORDER.index, default=Level.UNKNOWN), queues)
