"""The use of Redis's memory, by kind, by name of job and by key."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

MemoryKind = Literal[
    "payload", "job record", "result", "dead letter", "trash", "queue", "buffer", "stream", "bookkeeping", "other"
]
"""Uses of memory. `payload` is the arguments of jobs that are not dead, `job record` the rest of their hashes
with tracebacks and log lines, `dead letter` all of a failed job, `queue` the lists and registries of ids, `stream` the
events, the audit and inboxes, `other` keys of neither RQ nor qctl."""


@dataclass(frozen=True)
class MemoryShare:
    """Estimated memory of one kind. The true number of bytes is within `error` of `bytes` with 95 % confidence; 0 if
    every key was measured."""

    kind: MemoryKind
    keys: int
    bytes: int
    error: int


@dataclass(frozen=True)
class NameMemory:
    """Estimated memory of the jobs of one name, with their results; `error` as in `MemoryShare`."""

    name: str
    jobs: int
    payload: int
    result: int
    dead: int
    bytes: int
    error: int


@dataclass(frozen=True)
class LargeKey:
    """One of the largest keys that were measured. `job` is its job's id, and `name` that job's name, if it has one."""

    key: str
    kind: MemoryKind
    bytes: int
    job: str | None = None
    name: str | None = None


@dataclass(frozen=True)
class MemoryUse:
    """The use of Redis's memory. `used` and `limit` (0: none) are Redis's own numbers, None if this user may not read
    them. `measured` of `keys` keys were looked at, of which `hidden` cannot be read by this user."""

    at: datetime
    used: int | None
    limit: int | None
    keys: int
    measured: int
    hidden: int
    shares: list[MemoryShare] = field(default_factory=list)
    names: list[NameMemory] = field(default_factory=list)
    largest: list[LargeKey] = field(default_factory=list)

    @property
    def is_complete(self) -> bool:
        """True if every key was measured."""
        return self.measured >= self.keys

    @property
    def bytes(self) -> int:
        """Estimated memory of all keys."""
        return sum(share.bytes for share in self.shares)

    @property
    def error(self) -> int:
        """95 % confidence interval of `bytes`, half its width: errors of independent sums."""
        return round(math.hypot(*(share.error for share in self.shares)))
