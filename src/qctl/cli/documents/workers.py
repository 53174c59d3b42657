"""Documents about workers."""

from __future__ import annotations

from collections.abc import Sequence

from qctl.cli.documents.document import Document, time
from qctl.models import WorkerInfo


def workers(found: Sequence[WorkerInfo]) -> Document:
    """`qctl worker list`."""
    columns = ("name", "queues", "state", "host", "pid", "current_job", "last_heartbeat", "honours_pause")
    rows = [
        {
            "name": worker.name,
            "queues": worker.queues,
            "state": worker.state,
            "host": worker.host,
            "pid": worker.pid,
            "current_job": worker.current_job,
            "last_heartbeat": time(worker.last_heartbeat),
            "honours_pause": worker.honours_pause,
        }
        for worker in found
    ]
    return Document("qctl.worker.list/1", "name", columns, {}, "workers", rows)
