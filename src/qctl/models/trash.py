"""The trash: what destructive acts moved away."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class TrashBatch:
    """What one destructive act moved away. `count` is jobs still in it."""

    id: str
    queue: str
    verb: str
    by: str
    at: datetime
    expires_at: datetime
    count: int


@dataclass(frozen=True)
class RestoreResult:
    """What `trash restore` put back."""

    batch: str
    queue: str
    restored: int
