"""Memory of Redis that kinds of jobs may use, and rejects that are counted alone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

BudgetKind = Literal["users", "rejects", "letters"]
"""Jobs of users, rejected messages and rows, and other dead letters."""


@dataclass(frozen=True)
class BudgetUse:
    """Memory in bytes that a kind of jobs uses, and may use. `most` is the owner or queue that uses most, with its
    bytes; None if there is none."""

    kind: BudgetKind
    used: int
    limit: int
    most: tuple[str, int] | None = None


@dataclass(frozen=True)
class RejectTally:
    """Rejects of one cause that were counted and not stored. `source` is the topic or user of the last one.

    `fingerprint` is `others` for the sum of causes beyond the number that are counted by name.
    """

    fingerprint: str
    queue: str
    count: int
    function: str
    exception: str
    message: str
    source: str
    first_seen: datetime | None
    last_seen: datetime | None
