"""Documents about housekeeping."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qctl.cli.documents.document import Document, seconds

if TYPE_CHECKING:
    from qctl.cli.documents.document import Record
    from qctl.models import Cleanup, CleanupResult


def cleanup(what: str, found: Cleanup) -> Document:
    """`qctl cleanup finished` and its likes: a row for each kind of thing."""
    head = {"removed": found.count, "seconds": seconds(found.seconds), "dry_run": found.dry_run}
    rows = [_removed(each) for each in found.removed]
    return Document(
        f"qctl.cleanup.{what}/1", "kind", ("kind", "count", "bytes", "batch", "problem"), head, "kinds", rows
    )


def _removed(each: CleanupResult) -> Record:
    return {
        "kind": each.kind,
        "count": each.count,
        "bytes": each.bytes,
        "batch": each.batch,
        "problem": each.problem,
    }
