"""What a backup holds, and what of one came back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from qctl.models.jobs import RejectedLine


@dataclass(frozen=True)
class Backup:
    """How many lines of each kind a backup has: `pause`, `schedule`, `job`, `batch`, `trashed`."""

    counts: Mapping[str, int]


@dataclass(frozen=True)
class RestoredBackup:
    """What came back of each kind, and what did not: how many lines, and the first of them. `whole` is False where the
    file was cut off. `there` lines hold what is there already."""

    counts: Mapping[str, int]
    refused: int
    lines: list[RejectedLine]
    whole: bool
    there: int = 0
