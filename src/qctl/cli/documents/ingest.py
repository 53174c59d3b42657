"""Documents about the way of data into the queues."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from qctl.cli.documents.dead_letters import dead_letter, dead_letters
from qctl.cli.documents.document import Document, seconds, time

if TYPE_CHECKING:
    from qctl.cli.documents.document import Record
    from qctl.models import (
        Arrival,
        DeadLetter,
        DeadLetters,
        FlushResult,
        ImportResult,
        PipelineStatus,
        RejectDetail,
        Topics,
        TopicStatus,
    )


def ingest(found: Sequence[PipelineStatus]) -> Document:
    """`qctl ingest status`."""
    rows = [_pipeline(each) for each in found]
    columns = (
        *("name", "queue", "rate_per_second", "depth", "oldest_age_seconds", "batches", "batch_size", "flushed"),
        *("flushed_at", "lag_seconds", "rejects", "received", "rejected", "cut", "sessions_lost", "session_lost_at"),
        "paused",
    )
    return Document("qctl.ingest.status/1", "name", columns, {}, "pipelines", rows)


def _pipeline(status: PipelineStatus) -> Record:
    return {
        "name": status.name,
        "queue": status.queue,
        "rate_per_second": seconds(status.rate),
        "depth": status.depth,
        "oldest_age_seconds": seconds(status.oldest_age),
        "batches": status.batches,
        "batch_size": status.threshold,
        "flushed": status.flushed,
        "flushed_at": time(status.flushed_at),
        "lag_seconds": seconds(status.lag),
        "rejects": status.dead,
        "received": status.received,
        "rejected": status.rejected,
        "cut": status.cut,
        "sessions_lost": status.sessions_lost,
        "session_lost_at": time(status.session_lost_at),
        "paused": status.paused.reason if status.paused else None,
    }


def topics(found: Topics) -> Document:
    """`qctl ingest topics`. A topic that is null stands for those that are not told apart."""
    columns = ("topic", "pipeline", "rate_per_second", "received", "rejected", "seen_at", "lag_seconds")
    head = {"matching": found.matching, "total": found.total}
    return Document("qctl.ingest.topics/1", "topic", columns, head, "topics", [_topic(each) for each in found.topics])


def _topic(status: TopicStatus) -> Record:
    return {
        "topic": status.topic,
        "pipeline": status.pipeline,
        "rate_per_second": seconds(status.rate),
        "received": status.received,
        "rejected": status.rejected,
        "seen_at": time(status.seen_at),
        "lag_seconds": seconds(status.lag),
    }


def arrivals(found: Sequence[Arrival]) -> Document:
    """`qctl ingest tail`: `content` is fields by name, or msg_id and message, as JSON."""
    rows: list[Record] = [
        {
            "pipeline": each.pipeline,
            "received_at": time(each.received_at),
            "source": each.source,
            "at": time(each.at),
            "content": json.dumps(each.content),
        }
        for each in found
    ]
    columns = ("pipeline", "received_at", "source", "at", "content")
    return Document("qctl.ingest.tail/1", "source", columns, {}, "arrivals", rows)


def pushed(pipeline: str, result: ImportResult) -> Document:
    """`qctl ingest push`: the lines that were refused, the first of them where there are many."""
    head: dict[str, Any] = {
        "pipeline": pipeline,
        "taken": result.taken,
        "refused": result.refused,
        "lines": [{"line": bad.line, "reason": bad.reason} for bad in result.lines],
    }
    return Document("qctl.ingest.push/1", "taken", tuple(head), head)


def flushed(found: Sequence[FlushResult]) -> Document:
    """`qctl ingest flush`."""
    rows = [{"pipeline": f.pipeline, "queue": f.queue, "items": f.items, "left": f.left} for f in found]
    return Document("qctl.ingest.flush/1", "pipeline", ("pipeline", "queue", "items", "left"), {}, "pipelines", rows)


def rejects(found: DeadLetters, pipeline: Callable[[DeadLetter], str]) -> Document:
    """`qctl ingest rejects list`."""
    columns = ("id", "pipeline", "queue", "kind", "function", "error", "died_at", "attempts", "fingerprint")
    letters = dead_letters(found).rows
    rows = [{"pipeline": pipeline(each), **row} for each, row in zip(found.letters, letters, strict=True)]
    return Document("qctl.ingest.rejects.list/1", "id", columns, {"total": found.total}, "rejects", rows)


def reject(seen: RejectDetail) -> Document:
    """`qctl ingest rejects show`: a dead letter with what came, as far as it is text, and from where."""
    told = {"pipeline": seen.pipeline, "source": seen.source, "content": seen.content}
    head = {**dead_letter(seen.detail).head, **told}
    return Document("qctl.ingest.rejects.show/1", "id", tuple(head), head)
