"""Documents about backups."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from qctl.cli.documents.bulk import rejected_lines
from qctl.cli.documents.document import Document, single

if TYPE_CHECKING:
    from qctl.models import Backup, RestoredBackup

_KEYS = {
    "pause": "pauses",
    "limit": "limits",
    "schedule": "schedules",
    "mark": "marks",
    "note": "notes",
    "job": "dead_letters",
    "batch": "batches",
    "trashed": "trashed",
}


def backup(backup: Backup, file: str) -> Document:
    """`qctl backup`."""
    head = {"file": file, **_counts(backup.counts)}
    return single("qctl.backup/1", "file", head)


def restore(result: RestoredBackup, dry_run: bool) -> Document:
    """`qctl restore`. `lines` holds the first rejected lines; `refused` counts all."""
    head = {
        "whole": result.whole,
        **_counts(result.counts),
        "there_already": result.existing,
        "refused": result.refused,
        "dry_run": dry_run,
        "lines": rejected_lines(result.lines),
    }
    return single("qctl.restore/1", "whole", head)


def _counts(counts: Mapping[str, int]) -> dict[str, int]:
    return {key: counts.get(kind, 0) for kind, key in _KEYS.items()}
