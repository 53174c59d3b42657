"""Documents of acts on many jobs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from qctl.cli.documents.document import Document

if TYPE_CHECKING:
    from qctl.models import BulkResult, ImportResult


def acted(schema: str, result: BulkResult, *, undo: Sequence[str] = (), dry_run: bool = False) -> Document:
    """What an act did, or with `dry_run` would do. `outcomes` are the first of those that were done, and of those that
    were not; `done`, `failed` and `already`, which was so before, count all. `undo` are command lines."""
    rows = [{"id": o.id, "queue": o.queue, "done": o.done, "detail": o.detail} for o in result.outcomes]
    head = {
        "done": 0 if dry_run else result.done,
        "would": result.done if dry_run else None,
        "failed": result.failed,
        "already": result.already,
        "dry_run": dry_run,
        "batch": result.batch,
        "undo": list(undo),
        "halted": result.halted.message if result.halted else None,
        "scanned": result.scan.scanned if result.scan else None,
        "scannable": result.scan.total if result.scan else None,
    }
    return Document(f"qctl.{schema}/1", "id", ("id", "queue", "done", "detail"), head, "outcomes", rows)


def imported(result: ImportResult, dry_run: bool) -> Document:
    """`qctl job import`: the lines that were refused, the first of them where there are many."""
    head = {
        "taken": result.taken,
        "refused": result.refused,
        "queues": result.queues,
        "dry_run": dry_run,
        "lines": [{"line": bad.line, "reason": bad.reason} for bad in result.lines],
    }
    return Document("qctl.job.import/1", "taken", tuple(head), head)
