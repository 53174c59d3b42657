"""Documents about the trash."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from qctl.cli.documents.document import Document, single, time

if TYPE_CHECKING:
    from qctl.cli.documents.document import Record
    from qctl.models import RestoreResult, TrashBatch


def trash_list(batches: Sequence[TrashBatch]) -> Document:
    """`qctl trash list`."""
    columns = ("id", "queue", "verb", "by", "at", "expires_at", "count", "unfinished")
    rows = [
        {
            "id": batch.id,
            "queue": batch.queue,
            "verb": batch.verb,
            "by": batch.by,
            "at": time(batch.at),
            "expires_at": time(batch.expires_at),
            "count": batch.count,
            "unfinished": batch.unfinished,
        }
        for batch in batches
    ]
    return Document("qctl.trash.list/1", "id", columns, {}, "batches", rows)


def trash_restore(result: RestoreResult) -> Document:
    """`qctl trash restore`."""
    head = {"batch": result.batch, "queue": result.queue, "restored": result.restored, "earlier": list(result.earlier)}
    return single("qctl.trash.restore/1", "batch", head)


def trash_empty(batches: Sequence[TrashBatch], removed: int) -> Document:
    """`qctl trash empty`: the deleted batches."""
    rows: list[Record] = [{"id": batch.id, "queue": batch.queue, "count": batch.count} for batch in batches]
    return Document("qctl.trash.empty/1", "id", ("id", "queue", "count"), {"removed": removed}, "batches", rows)
