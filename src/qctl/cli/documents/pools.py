"""Documents about pools of workers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from qctl.cli.documents.document import Document, seconds, time

if TYPE_CHECKING:
    from qctl.cli.documents.document import Record
    from qctl.models import Pool

_COLUMNS = (
    *("name", "host", "pid", "queues", "running", "size", "bounds", "configured", "requested", "requested_by"),
    *("requested_at", "wanted", "reason", "shrinks_in_seconds", "changed_at", "started_at", "ended_unexpectedly"),
)


def pool_list(pools: Sequence[Pool], verb: str) -> Document:
    """`qctl worker pools` and `qctl worker scale`."""
    return Document(f"qctl.worker.{verb}/1", "name", _COLUMNS, {}, "pools", [_pool(pool) for pool in pools])


def _pool(pool: Pool) -> Record:
    return {
        "name": pool.name,
        "host": pool.host,
        "pid": pool.pid,
        "queues": list(pool.queues),
        "running": pool.running,
        "size": pool.size,
        "bounds": pool.bounds.text,
        "configured": pool.configured.text,
        "requested": pool.requested.text if pool.requested else None,
        "requested_by": pool.requested_by or None,
        "requested_at": time(pool.requested_at),
        "wanted": pool.wanted,
        "reason": pool.reason or None,
        "shrinks_in_seconds": seconds(pool.shrinks_in),
        "changed_at": time(pool.changed_at),
        "started_at": time(pool.started_at),
        "ended_unexpectedly": pool.ends,
    }
