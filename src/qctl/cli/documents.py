"""What commands print to programs: the JSON documents `qctl.<noun>.<verb>/1`, and the rows of csv, jsonl and pipes.

Times are RFC 3339 in UTC with Z, durations are seconds and say so in their key. A key that is here stays: within one
version of a schema keys are only added.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from qctl.errors import QctlError
from qctl.models import (
    BulkResult,
    ClearResult,
    DeadLetter,
    DeadLetterDetail,
    DeadLetters,
    Finding,
    Health,
    Pause,
    PauseResult,
    Ping,
    QueueStats,
    RestoreResult,
    ResumeResult,
    Stats,
    TrashBatch,
    WorkerInfo,
)

Record = dict[str, Any]


@dataclass(frozen=True)
class Document:
    """What one command has to say to a program.

    JSON is `schema`, `head`, and `rows` under the key `listed`; where `listed` is None, `head` is the one row.
    `columns` are the fields of a row in csv and pipes, `a.b` for a field within a field; `name` is the field that
    `-o name` prints.
    """

    schema: str
    name: str
    columns: tuple[str, ...]
    head: Record = field(default_factory=dict)
    listed: str | None = None
    rows: list[Record] = field(default_factory=list)

    @property
    def records(self) -> list[Record]:
        """The rows."""
        return self.rows if self.listed else [self.head]

    def as_json(self) -> Record:
        """The whole document."""
        return {"schema": self.schema, **self.head, **({self.listed: self.rows} if self.listed else {})}


def cell(record: Record, column: str) -> Any:
    """The value of a column in a row: None where it or what holds it is missing."""
    value: Any = record
    for key in column.split("."):
        value = value.get(key) if isinstance(value, dict) else None
    return value


def stats(found: Stats) -> Document:
    """`qctl stats`."""
    t = found.totals
    return Document(
        "qctl.stats/1",
        "name",
        (
            *("name", "waiting", "running", "scheduled", "deferred", "dead", "finished", "oldest_age_seconds"),
            *("in_rate", "out_rate", "workers", "paused.by", "paused.since", "paused.until", "paused.reason", "error"),
        ),
        {
            "at": _time(found.at),
            "pending": t.pending,
            "running": t.running,
            "completed": t.completed,
            "failed": t.failed,
            "total": t.total,
        },
        "queues",
        [_queue(queue) for queue in found.queues],
    )


def _queue(queue: QueueStats) -> Record:
    return {
        "name": queue.name,
        "waiting": queue.waiting,
        "running": queue.running,
        "scheduled": queue.scheduled,
        "deferred": queue.deferred,
        "dead": queue.dead,
        "finished": queue.finished,
        "oldest_age_seconds": _seconds(queue.oldest_age),
        "in_rate": _seconds(queue.in_rate),
        "out_rate": _seconds(queue.out_rate),
        "paused": _pause(queue.paused) if queue.paused else None,
        "workers": queue.workers,
        "error": queue.error,
    }


def _pause(pause: Pause) -> Record:
    return {"by": pause.by, "since": _time(pause.at), "until": _time(pause.until), "reason": pause.reason}


def paused(results: Sequence[PauseResult], failures: Sequence[tuple[str, QctlError]]) -> Document:
    """`qctl pause`."""
    rows = [
        {
            "queue": result.pause.queue,
            "changed": result.changed,
            **_pause(result.pause),
            "running": [job.id for job in result.running],
            "waited_seconds": _seconds(result.waited),
            "deaf_workers": result.deaf_workers,
            "error": None,
        }
        for result in results
    ]
    columns = (
        "queue",
        "changed",
        "by",
        "since",
        "until",
        "reason",
        "running",
        "waited_seconds",
        "deaf_workers",
        "error",
    )
    return Document("qctl.pause/1", "queue", columns, {}, "results", rows + _failed(failures))


def resumed(results: Sequence[ResumeResult], failures: Sequence[tuple[str, QctlError]]) -> Document:
    """`qctl resume`."""
    rows: list[Record] = [{"queue": r.queue, "changed": r.changed, "error": None} for r in results]
    columns = ("queue", "changed", "error")
    return Document("qctl.resume/1", "queue", columns, {}, "results", rows + _failed(failures))


def _failed(failures: Sequence[tuple[str, QctlError]]) -> list[Record]:
    return [{"queue": name, "changed": False, "error": error.message} for name, error in failures]


def cleared(result: ClearResult, dry_run: bool) -> Document:
    """`qctl clear`."""
    head = {
        "queue": result.queue,
        "removed": result.removed,
        "batch": result.batch,
        "purged": result.purged,
        "dry_run": dry_run,
    }
    return Document("qctl.clear/1", "queue", tuple(head), head)


def retried(result: BulkResult, dry_run: bool) -> Document:
    """`qctl retry`."""
    rows = [{"id": o.id, "queue": o.queue, "done": o.done, "detail": o.detail} for o in result.outcomes]
    failed = sum(not (o.queue if dry_run else o.done) for o in result.outcomes)
    head = {"done": result.done, "failed": failed, "dry_run": dry_run}
    return Document("qctl.retry/1", "id", ("id", "queue", "done", "detail"), head, "outcomes", rows)


def dead_letters(found: DeadLetters) -> Document:
    """`qctl dlq list`."""
    columns = ("id", "queue", "kind", "function", "error", "died_at", "attempts", "fingerprint")
    rows = [_letter(letter) for letter in found.letters]
    return Document("qctl.dlq.list/1", "id", columns, {"total": found.total}, "letters", rows)


def dead_letter(detail: DeadLetterDetail) -> Document:
    """`qctl dlq show`."""
    head = {
        **_letter(detail.letter),
        "created_at": _time(detail.created_at),
        "enqueued_at": _time(detail.enqueued_at),
        "description": detail.description,
        "payload": detail.payload,
        "payload_bytes": detail.payload_size,
        "meta": detail.meta,
        "traceback": detail.traceback,
    }
    return Document("qctl.dlq.show/1", "id", tuple(head), head)


def _letter(letter: DeadLetter) -> Record:
    return {
        "id": letter.id,
        "queue": letter.queue,
        "kind": letter.kind,
        "function": letter.function,
        "error": letter.error,
        "died_at": _time(letter.died_at),
        "attempts": letter.attempts,
        "fingerprint": letter.fingerprint,
    }


def trash(batches: Sequence[TrashBatch]) -> Document:
    """`qctl trash list`."""
    columns = ("id", "queue", "verb", "by", "at", "expires_at", "count")
    rows = [
        {
            "id": batch.id,
            "queue": batch.queue,
            "verb": batch.verb,
            "by": batch.by,
            "at": _time(batch.at),
            "expires_at": _time(batch.expires_at),
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
            "last_heartbeat": _time(worker.last_heartbeat),
            "honours_pause": worker.honours_pause,
        }
        for worker in found
    ]
    return Document("qctl.worker.list/1", "name", columns, {}, "workers", rows)


def ping(answer: Ping) -> Document:
    """`qctl ping`."""
    head = {
        "target": answer.target,
        "redis_version": answer.redis_version,
        "ts_ms": answer.ts_ms,
        "rtt_seconds": round(answer.rtt, 6),
    }
    return Document("qctl.ping/1", "target", tuple(head), head)


def health(found: Health) -> Document:
    """`qctl health`."""
    head = {"status": found.status, "reasons": found.reasons}
    rows = [_finding(finding) for finding in found.findings]
    return Document("qctl.health/1", "check", ("check", "status", "reason", "fix"), head, "findings", rows)


def _finding(finding: Finding) -> Record:
    return {"check": finding.check, "status": finding.status, "reason": finding.reason, "fix": finding.fix}


def _time(when: datetime | None) -> str | None:
    if when is None:
        return None
    return when.astimezone(timezone.utc).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def _seconds(number: float | None) -> float | None:
    return round(number, 3) if number is not None and math.isfinite(number) else None
