"""Documents of bulk actions and imports."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from qctl.cli.documents.document import Document, single

if TYPE_CHECKING:
    from qctl.cli.documents.document import Record
    from qctl.models import BulkResult, ImportResult, RejectedLine


def bulk_action(schema: str, result: BulkResult, *, undo: Sequence[str] = (), dry_run: bool = False) -> Document:
    """Document of the result of a bulk action; with `dry_run`, of the expected result.

    `outcomes` holds the first successes and the first failures; `done`, `failed` and `already` (no change needed) count
    all. `undo` holds command lines.
    """
    rows = [
        {"id": outcome.id, "queue": outcome.queue, "done": outcome.done, "detail": outcome.detail}
        for outcome in result.outcomes
    ]
    head = {
        "done": 0 if dry_run else result.done,
        "would": result.done if dry_run else None,
        "failed": result.failed,
        "already": result.already,
        "dry_run": dry_run,
        "batch": result.batch,
        "undo": list(undo),
        "dependents": result.dependents,
        "dependents_changed": result.dependents_changed,
        "halted": result.halted.message if result.halted else None,
        "scanned": result.scan.scanned if result.scan else None,
        "scannable": result.scan.total if result.scan else None,
    }
    return Document(f"qctl.{schema}/1", "id", ("id", "queue", "done", "detail"), head, "outcomes", rows)


def job_import(result: ImportResult, dry_run: bool) -> Document:
    """`qctl job import`. `lines` holds the first rejected lines; `refused` counts all."""
    head = {
        "taken": result.taken,
        "refused": result.refused,
        "there_already": result.existing,
        "queues": result.queues,
        "dry_run": dry_run,
        "lines": rejected_lines(result.lines),
    }
    return single("qctl.job.import/1", "taken", head)


def rejected_lines(lines: Sequence[RejectedLine]) -> list[Record]:
    """Return the number and the reason of each rejected line."""
    return [{"line": bad.line, "reason": bad.reason} for bad in lines]
