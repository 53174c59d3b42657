"""Documents about cleanup."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qctl.cli.documents.document import Document, seconds

if TYPE_CHECKING:
    from qctl.cli.documents.document import Record
    from qctl.models import Cleanup, CleanupResult


def cleanup(target: str, cleanup: Cleanup) -> Document:
    """`qctl cleanup finished` and the other targets: one row for each kind."""
    head = {"removed": cleanup.count, "seconds": seconds(cleanup.seconds), "dry_run": cleanup.dry_run}
    rows = [_removed(removed) for removed in cleanup.removed]
    return Document(
        f"qctl.cleanup.{target}/1", "kind", ("kind", "count", "bytes", "batch", "problem"), head, "kinds", rows
    )


def _removed(removed: CleanupResult) -> Record:
    return {
        "kind": removed.kind,
        "count": removed.count,
        "bytes": removed.bytes,
        "batch": removed.batch,
        "problem": removed.problem,
    }
