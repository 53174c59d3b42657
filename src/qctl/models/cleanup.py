"""What housekeeping removed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

CleanupKind = Literal["finished", "failed", "results", "reports", "exports", "images", "history", "trash"]


@dataclass(frozen=True)
class CleanupResult:
    """How many things of one kind went, or would go; `bytes` of files. `batch` of the trash holds what can come back.

    `problem` says why not all of it could be done.
    """

    kind: CleanupKind
    count: int
    bytes: int = 0
    batch: str | None = None
    problem: str | None = None


@dataclass(frozen=True)
class Cleanup:
    """All of one run. `seconds` it took; `dry_run`: nothing was done."""

    removed: Sequence[CleanupResult]
    seconds: float
    dry_run: bool = False

    @property
    def count(self) -> int:
        """How many things went."""
        return sum(each.count for each in self.removed)
