"""Documents about jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qctl.cli.documents.document import Document, seconds, single, time
from qctl.cli.documents.events import event

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qctl.cli.documents.document import Record
    from qctl.models import (
        Attempt,
        JobDetail,
        JobLogs,
        JobRow,
        Jobs,
        JobType,
        PayloadEdit,
        StoppedJob,
        WaitResult,
    )


def job_list(jobs: Jobs) -> Document:
    """`qctl job list`."""
    columns = ("id", "queue", "state", "function", "since", "error", "owner", "worker")
    head = {"matching": jobs.matching, "scanned": jobs.scanned, "total": jobs.total}
    return Document("qctl.job.list/1", "id", columns, head, "jobs", [_row(row) for row in jobs.rows])


def _row(row: JobRow) -> Record:
    return {
        "id": row.id,
        "queue": row.queue,
        "state": row.state,
        "function": row.function,
        "since": time(row.since),
        "error": row.error or None,
        "owner": row.owner or None,
        "worker": row.worker or None,
    }


def job_show(detail: JobDetail) -> Document:
    """`qctl job show`."""
    d = detail
    head: Record = {
        "id": d.id,
        "queue": d.queue,
        "state": d.state,
        "status": d.status,
        "note": d.note or None,
        "position": d.position,
        "function": d.function,
        "description": d.description,
        "payload": d.payload.text,
        "payload_bytes": d.payload.size,
        "original_payload": d.original.text if d.original else None,
        "edited": d.edited,
        "created_at": time(d.created_at),
        "enqueued_at": time(d.enqueued_at),
        "started_at": time(d.started_at),
        "ended_at": time(d.ended_at),
        "due_at": time(d.due),
        "expires_in_seconds": seconds(d.expires_in),
        "worker": d.worker or None,
        "timeout": d.timeout or None,
        "retries_left": d.retries_left,
        "retry_intervals_seconds": d.retry_intervals,
        "error": d.error or None,
        "traceback": d.traceback or None,
        "fingerprint": d.fingerprint,
        "trace": d.trace,
        "owner": d.owner,
        "meta": d.meta,
        "dependencies": d.dependencies,
        "dependents": d.dependents,
        "relatives": d.relatives or None,
        "moved_from": d.moved_from,
        "replayed_from": d.replayed_from,
        "replayed_to": d.replayed_to,
        "trash": d.trash,
        "attempts": [_attempt(attempt) for attempt in d.attempts],
        "events": [event(one) for one in d.timeline],
        "events_whole": d.events_whole,
    }
    return single("qctl.job.show/1", "id", head)


def _attempt(attempt: Attempt) -> Record:
    return {
        "outcome": attempt.outcome,
        "worker": attempt.worker or None,
        "started_at": time(attempt.started_at),
        "ended_at": time(attempt.ended_at),
        "error": attempt.error or None,
        "traceback": attempt.traceback or None,
        "value": attempt.value,
        "logged_lines": attempt.logged,
    }


def job_logs(logs: JobLogs) -> Document:
    """`qctl job logs`."""
    head = {"id": logs.id, "queue": logs.queue, "status": logs.status or None}
    rows = [
        {
            "attempt": run.number,
            "worker": run.worker or None,
            "at": time(line.at),
            "level": line.level,
            "text": line.text,
        }
        for run in logs.runs
        for line in run.lines
    ]
    return Document("qctl.job.logs/1", "text", ("attempt", "worker", "at", "level", "text"), head, "lines", rows)


def job_wait(result: WaitResult) -> Document:
    """`qctl job wait`."""
    head = {
        "id": result.id,
        "queue": result.queue,
        "status": result.status,
        "waited_seconds": seconds(result.seconds),
        "value": result.value,
    }
    return single("qctl.job.wait/1", "id", head)


def job_enqueue(job_id: str, name: str) -> Document:
    """`qctl job enqueue`."""
    head = {"id": job_id, "name": name}
    return single("qctl.job.enqueue/1", "id", head)


def job_types(types: Sequence[JobType]) -> Document:
    """`qctl job types`."""
    columns = ("name", "queue", "workers", "arguments", "purpose")
    rows = [
        {"name": t.name, "queue": t.queue, "workers": t.workers, "arguments": list(t.arguments), "purpose": t.doc}
        for t in types
    ]
    return Document("qctl.job.types/1", "name", columns, {}, "types", rows)


def job_stop(result: StoppedJob) -> Document:
    """`qctl job stop`."""
    head = {
        "id": result.id,
        "queue": result.queue,
        "worker": result.worker,
        "status": result.status,
        "waited_seconds": seconds(result.seconds),
    }
    return single("qctl.job.stop/1", "id", head)


def job_edit(result: PayloadEdit, retried: bool) -> Document:
    """`qctl job edit`."""
    head = {
        "id": result.id,
        "queue": result.queue,
        "changed": result.changed,
        "before": result.before,
        "after": result.after,
        "retried": retried,
    }
    return single("qctl.job.edit/1", "id", head)
