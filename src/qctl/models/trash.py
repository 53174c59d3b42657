"""The trash: jobs removed by destructive operations."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class TrashBatch:
    """Jobs removed by one operation. `count` is the number of jobs still in the trash."""

    id: str
    queue: str
    verb: str
    by: str
    at: datetime
    expires_at: datetime
    count: int


@dataclass(frozen=True)
class RestoreResult:
    """Result of `trash restore`."""

    batch: str
    queue: str
    restored: int
