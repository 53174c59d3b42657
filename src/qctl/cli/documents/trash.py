"""Documents about the trash."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from qctl.cli.documents.document import Document, time

if TYPE_CHECKING:
    from qctl.cli.documents.document import Record
    from qctl.models import RestoreResult, TrashBatch


def trash(batches: Sequence[TrashBatch]) -> Document:
    """`qctl trash list`."""
    columns = ("id", "queue", "verb", "by", "at", "expires_at", "count")
    rows = [
        {
            "id": batch.id,
            "queue": batch.queue,
            "verb": batch.verb,
            "by": batch.by,
            "at": time(batch.at),
            "expires_at": time(batch.expires_at),
            "count": batch.count,
        }
        for batch in batches
    ]
    return Document("qctl.trash.list/1", "id", columns, {}, "batches", rows)


def restored(result: RestoreResult) -> Document:
    """`qctl trash restore`."""
    head = {"batch": result.batch, "queue": result.queue, "restored": result.restored}
    return Document("qctl.trash.restore/1", "batch", tuple(head), head)


def emptied(batches: Sequence[TrashBatch], removed: int) -> Document:
    """`qctl trash empty`: the batches that went."""
    rows: list[Record] = [{"id": batch.id, "queue": batch.queue, "count": batch.count} for batch in batches]
    return Document("qctl.trash.empty/1", "id", ("id", "queue", "count"), {"removed": removed}, "batches", rows)
