"""Pools: daemons that are several processes, and the sizes that they may have."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

MAX_PROCESSES = 64
"""Processes of one pool: a larger number is a mistake."""

_SIZE = re.compile(r"(auto|[0-9]{1,3})(?:\.\.(auto|[0-9]{1,3}))?")


@dataclass(frozen=True)
class PoolSize:
    """Bounds of the number of processes of a pool, inclusive. None is `auto`: one process for each processor of the
    machine on which the pool runs. Equal bounds are a fixed size."""

    least: int | None
    most: int | None

    @classmethod
    def parse(cls, text: str) -> PoolSize:
        """Parse `4`, `auto`, `1..4` or `1..auto`. Raises ValueError."""
        match = _SIZE.fullmatch(text.strip().lower())
        if match is None:
            raise ValueError("is not a number of processes: 4, auto, or bounds such as 1..4")
        least, most = (None if part == "auto" else int(part) for part in (match[1], match[2] or match[1]))
        if max(least or 0, most or 0) > MAX_PROCESSES:
            raise ValueError(f"is more than {MAX_PROCESSES} processes")
        if most is not None and (most < (least or 0) or (least is None and most == 0)):
            raise ValueError("has a lower bound above its upper bound")
        return cls(least, most)

    @property
    def text(self) -> str:
        """The size as `parse` reads it."""
        least, most = ("auto" if bound is None else str(bound) for bound in (self.least, self.most))
        return least if least == most else f"{least}..{most}"

    def bounds(self, processors: int) -> tuple[int, int]:
        """The bounds on a machine with so many processors."""
        most = processors if self.most is None else self.most
        least = processors if self.least is None else self.least
        return min(least, most), min(max(least, most), MAX_PROCESSES)


@dataclass(frozen=True)
class Place:
    """Place of a process in its daemon: its number from 1, and the size of the pool when the place was added."""

    number: int = 1
    count: int = 1


ONLY = Place()
"""The process of a daemon that is one process."""


@dataclass(frozen=True)
class Pool:
    """A pool that reported lately. `name` is made of its queues; pools of one name on one host obey one request.

    `size` is the number of processes that it wants, `running` those that run, apart from those that end after their
    current job. `configured` is the size that it was started with, `requested` the one of `worker scale`, if any, which
    takes precedence, and `bounds` the one that it reported to obey. `wanted` is the size that the last reading of its
    queues asks for, `reason` says why, and `shrinks_in` is the time (s) until it follows a smaller `wanted`; all three
    are None or empty if the size is fixed.
    """

    name: str
    host: str
    pid: int
    queues: tuple[str, ...]
    configured: PoolSize
    bounds: PoolSize
    size: int
    running: int
    seen_at: datetime
    started_at: datetime | None = None
    changed_at: datetime | None = None
    requested: PoolSize | None = None
    requested_by: str = ""
    requested_at: datetime | None = None
    wanted: int | None = None
    reason: str = ""
    shrinks_in: float | None = None
    ends: int = 0
    """Processes that ended unexpectedly since the pool started."""

    @property
    def is_stable(self) -> bool:
        """True if it obeys the latest request, and as many processes run as it wants."""
        return self.running == self.size and self.bounds == (self.requested or self.configured)


@dataclass(frozen=True)
class PoolRequest:
    """A size that an operator asked for, with `worker scale`."""

    size: PoolSize
    by: str
    at: datetime
