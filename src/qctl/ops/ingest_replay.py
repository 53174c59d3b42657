"""Replays what a sink has stored: puts it into the buffer of its pipeline again, for the sink of today."""

from __future__ import annotations

import json
import time

from qctl import catalog
from qctl.broker.admin.bulk import RateLimiter
from qctl.broker.ingest.buffer import Buffer, Commit
from qctl.broker.redis.connection import Connection
from qctl.errors import BackpressureError
from qctl.models import Progress, ReplayedItems
from qctl.settings import Settings
from qctl.store import stored_items
from qctl.store.stored_items import StoredQuery

PAUSE_SECONDS = 0.5
"""Pause between two looks whether the buffer has room."""

MAX_PAUSE_SECONDS = 600.0
"""Time without room after which a replay ends with an error."""


def replay(
    connection: Connection,
    settings: Settings,
    pipeline: str,
    source: str,
    query: StoredQuery,
    *,
    rate: float | None,
    dry_run: bool,
    progress: Progress,
) -> ReplayedItems:
    """Read stored items and append them to their buffer, each page in one transaction; with `dry_run` count them.

    Sinks store an item once however often they get it, so that a replay may be interrupted and run again.
    """
    (spec,) = catalog.pipelines([pipeline])
    buffer = Buffer(connection, spec, settings)
    limiter = RateLimiter(rate)
    count = 0
    if not dry_run:
        buffer.level()  # a Redis that is away is said before anything is read
    for page in stored_items.pages(settings, spec.name, source, query):
        items = [json.dumps(item, separators=(",", ":")).encode() for item in page]
        size = limiter.jobs_per_call(len(items))
        for start in range(0, 0 if dry_run else len(items), size):
            part = items[start : start + size]
            limiter.wait(len(part))
            _wait_for_room(buffer, progress, count)
            buffer.append(Commit(part))
            count += len(part)
            progress(count, None)
        if dry_run:
            count += len(items)
            progress(count, None)
    return ReplayedItems(spec.name, source, count, spec.queue)


def _wait_for_room(buffer: Buffer, progress: Progress, count: int) -> None:
    deadline = time.monotonic() + MAX_PAUSE_SECONDS
    while full := buffer.backpressure_reason(buffer.level()):
        if time.monotonic() > deadline:
            raise BackpressureError(full, hint="show the buffers with: qctl ingest status")
        progress(count, None)
        time.sleep(PAUSE_SECONDS)
