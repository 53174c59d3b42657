"""Documents about explanations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qctl.cli.documents.document import Document, seconds, time

if TYPE_CHECKING:
    from qctl.models import Explanation


def explanation(explained: Explanation) -> Document:
    """`qctl job explain` and `qctl queue explain`."""
    subject = "queue" if explained.id is None else "job"
    head = {
        "id": explained.id,
        "queue": explained.queue,
        "state": explained.state,
        "blocked": explained.is_blocked,
        "starts_in_seconds": seconds(explained.starts_in),
        "due": time(explained.due),
    }
    columns = ("code", "blocks", "message", "fix")
    rows = [{column: getattr(reason, column) for column in columns} for reason in explained.reasons]
    return Document(f"qctl.{subject}.explain/1", "code", columns, head, "reasons", rows)
