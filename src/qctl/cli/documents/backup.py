"""Documents about backups."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from qctl.cli.documents.document import Document

if TYPE_CHECKING:
    from qctl.models import Backup, RestoredBackup

_NAMES = {"pause": "pauses", "schedule": "schedules", "job": "dead_letters", "batch": "batches", "trashed": "trashed"}


def backup(found: Backup, file: str) -> Document:
    """`qctl backup`."""
    head = {"file": file, **_counts(found.counts)}
    return Document("qctl.backup/1", "file", tuple(head), head)


def recalled(result: RestoredBackup, dry_run: bool) -> Document:
    """`qctl restore`: the lines that were refused, the first of them where there are many."""
    head = {
        "whole": result.whole,
        **_counts(result.counts),
        "there_already": result.there,
        "refused": result.refused,
        "dry_run": dry_run,
        "lines": [{"line": bad.line, "reason": bad.reason} for bad in result.lines],
    }
    return Document("qctl.restore/1", "whole", tuple(head), head)


def _counts(counts: Mapping[str, int]) -> dict[str, int]:
    return {name: counts.get(kind, 0) for kind, name in _NAMES.items()}
