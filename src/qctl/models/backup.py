"""Contents of a backup, and the result of its restoration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from qctl.models.jobs import RejectedLine


@dataclass(frozen=True)
class Backup:
    """Number of lines of each kind in a backup: `pause`, `schedule`, `job`, `batch`, `trashed`."""

    counts: Mapping[str, int]


@dataclass(frozen=True)
class RestoredBackup:
    """Result of a restoration: restored lines by kind, the number of rejected lines (`refused`) and the first of them.

    `whole` is False if the file is truncated. `there` counts lines whose object exists already.
    """

    counts: Mapping[str, int]
    refused: int
    lines: list[RejectedLine]
    whole: bool
    there: int = 0
