"""Documents about bulk acts."""

from __future__ import annotations

from qctl.cli.documents.document import Document
from qctl.models import BulkResult


def retried(result: BulkResult, dry_run: bool) -> Document:
    """`qctl retry`."""
    rows = [{"id": o.id, "queue": o.queue, "done": o.done, "detail": o.detail} for o in result.outcomes]
    failed = sum(not (o.queue if dry_run else o.done) for o in result.outcomes)
    head = {"done": result.done, "failed": failed, "dry_run": dry_run}
    return Document("qctl.retry/1", "id", ("id", "queue", "done", "detail"), head, "outcomes", rows)
