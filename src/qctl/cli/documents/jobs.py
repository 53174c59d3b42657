"""Documents about jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qctl.cli.documents.document import Document, seconds, time
from qctl.cli.documents.events import event

if TYPE_CHECKING:
    from qctl.cli.documents.document import Record
    from qctl.models import Attempt, JobDetail, JobRow, Jobs, PayloadEdit, StoppedJob, WaitResult


def jobs(found: Jobs) -> Document:
    """`qctl job list`."""
    columns = ("id", "queue", "state", "function", "since", "error", "owner", "worker")
    head = {"matching": found.matching, "scanned": found.scanned, "total": found.total}
    return Document("qctl.job.list/1", "id", columns, head, "jobs", [_row(row) for row in found.rows])


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


def job(detail: JobDetail) -> Document:
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
        "moved_from": d.moved_from,
        "trash": d.trash,
        "attempts": [_attempt(each) for each in d.attempts],
        "events": [event(each) for each in d.timeline],
        "events_whole": d.events_whole,
    }
    return Document("qctl.job.show/1", "id", tuple(head), head)


def _attempt(attempt: Attempt) -> Record:
    return {
        "outcome": attempt.outcome,
        "worker": attempt.worker or None,
        "started_at": time(attempt.started_at),
        "ended_at": time(attempt.ended_at),
        "error": attempt.error or None,
        "traceback": attempt.traceback or None,
        "value": attempt.value,
    }


def waited(ended: WaitResult) -> Document:
    """`qctl job wait`."""
    head = {
        "id": ended.id,
        "queue": ended.queue,
        "status": ended.status,
        "waited_seconds": seconds(ended.seconds),
        "value": ended.value,
    }
    return Document("qctl.job.wait/1", "id", tuple(head), head)


def enqueued(job_id: str, name: str) -> Document:
    """`qctl job enqueue`."""
    head = {"id": job_id, "name": name}
    return Document("qctl.job.enqueue/1", "id", tuple(head), head)


def job_stopped(ended: StoppedJob) -> Document:
    """`qctl job stop`."""
    head = {
        "id": ended.id,
        "queue": ended.queue,
        "worker": ended.worker,
        "status": ended.status,
        "waited_seconds": seconds(ended.seconds),
    }
    return Document("qctl.job.stop/1", "id", tuple(head), head)


def edited(result: PayloadEdit, retried: bool) -> Document:
    """`qctl job edit`."""
    head = {
        "id": result.id,
        "queue": result.queue,
        "changed": result.changed,
        "before": result.before,
        "after": result.after,
        "retried": retried,
    }
    return Document("qctl.job.edit/1", "id", tuple(head), head)
