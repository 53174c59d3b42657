"""Results of a cleanup."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

CleanupKind = Literal["finished", "failed", "results", "reports", "exports", "images", "history", "trash"]


@dataclass(frozen=True)
class CleanupResult:
    """Number of deleted items of one kind, or of those that a dry run would delete; `bytes` is the size of files.

    `batch` is the trash batch of restorable jobs; `problem` is the reason of an incomplete cleanup.
    """

    kind: CleanupKind
    count: int
    bytes: int = 0
    batch: str | None = None
    problem: str | None = None


@dataclass(frozen=True)
class Cleanup:
    """Results of one run, and its duration in `seconds`."""

    removed: Sequence[CleanupResult]
    seconds: float
    dry_run: bool = False

    @property
    def count(self) -> int:
        """Number of deleted items of all kinds."""
        return sum(result.count for result in self.removed)
