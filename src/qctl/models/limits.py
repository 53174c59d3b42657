"""Limits: how many jobs of a queue, of a name or of an owner may start in a time, and run at once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

LimitScope = Literal["queue", "job", "owner"]

PERIODS = {1: "s", 60: "m", 3600: "h", 86400: "d"}
"""Names of periods by their seconds."""


@dataclass(frozen=True)
class Limit:
    """A limit of a queue with its lanes, of the jobs of a name, or of the jobs of an owner.

    `rate` jobs start in any `seconds`, and `concurrency` of them run at once; None: no such limit. In the windows of
    `blackout`, local times of `zone`, none starts; `windows` are the next ones, and `dark_until` is the end of the one
    that lasts. `started` have
    started in the last `seconds`, and `running` run now. `until` is None if it lasts until it is cleared.
    """

    scope: LimitScope
    name: str
    rate: int | None
    seconds: float
    concurrency: int | None
    by: str = "?"
    at: datetime | None = None
    until: datetime | None = None
    reason: str = ""
    started: int = 0
    running: int = 0
    blackout: str = ""
    zone: str = ""
    windows: tuple[tuple[datetime, datetime], ...] = ()
    dark_until: datetime | None = None

    @property
    def next_blackout(self) -> datetime | None:
        """The start of the next window of its blackout, after the one that lasts."""
        return next((start for start, end in self.windows if end != self.dark_until), None)

    @property
    def is_pause(self) -> bool:
        """True if no job may start at all."""
        return self.concurrency == 0

    @property
    def is_reached(self) -> bool:
        """True if no job may start at the moment."""
        by_rate = self.rate is not None and self.started >= self.rate
        return (
            self.dark_until is not None
            or by_rate
            or (self.concurrency is not None and self.running >= self.concurrency)
        )

    @property
    def text(self) -> str:
        """The limit in words: `100/m, 5 at a time`."""
        if self.is_pause and not self.blackout:
            return "paused"
        parts = [f"{self.rate}/{period_text(self.seconds)}"] if self.rate is not None else []
        parts += [f"{self.concurrency} at a time"] if self.concurrency is not None else []
        return ", ".join(parts + ([f"blackout {self.blackout} {self.zone}"] if self.blackout else []))


@dataclass(frozen=True)
class RqLimit:
    """A rate limit of RQ's own, set by a producer: `running` jobs have one of its `concurrency` places, and `waiting`
    jobs wait for one."""

    key: str
    concurrency: int
    running: int
    waiting: int


@dataclass(frozen=True)
class Limits:
    """All limits: qctl's, and those that producers set with RQ. `is_obeyed` is False if stock workers that do not claim
    by script run: they ignore qctl's."""

    rows: list[Limit]
    rq: list[RqLimit]
    deaf_workers: tuple[str, ...] = ()


def period_text(seconds: float) -> str:
    """A period as it is typed: `m`, `30s`."""
    for length, name in sorted(PERIODS.items(), reverse=True):
        if seconds >= length and seconds % length == 0:
            count = round(seconds / length)
            return name if count == 1 else f"{count}{name}"
    return f"{seconds:g}s"
