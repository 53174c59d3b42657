"""Backups, restorations and imports: their results, and the lines that they rejected."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class RejectedLine:
    """A rejected line of a file, with the reason. Lines count from 1."""

    line: int
    reason: str


@dataclass(frozen=True)
class ImportResult:
    """Result of an import: the number of imported items, and of rejected lines (`refused`) with the first of them.
    `existing` counts lines whose job exists already."""

    taken: int
    refused: int
    lines: list[RejectedLine] = field(default_factory=list)
    queues: list[str] = field(default_factory=list)
    existing: int = 0


@dataclass(frozen=True)
class Backup:
    """Number of lines of each kind in a backup: `pause`, `schedule`, `mark`, `note`, `job`, `batch`, `trashed`."""

    counts: Mapping[str, int]


@dataclass(frozen=True)
class RestoredBackup:
    """Result of a restoration: restored lines by kind, the number of rejected lines (`refused`) and the first of them.

    `whole` is False if the file is truncated. `existing` counts lines whose object exists already.
    """

    counts: Mapping[str, int]
    refused: int
    lines: list[RejectedLine]
    whole: bool
    existing: int = 0
