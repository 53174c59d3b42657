"""Documents about data ingestion."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from qctl.cli.documents.bulk import rejected_lines
from qctl.cli.documents.dead_letters import dlq_list, dlq_show
from qctl.cli.documents.document import Document, seconds, single, time

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
        ReplayedItems,
        SourceStatus,
        Topics,
        TopicStatus,
    )


def ingest_status(pipelines: Sequence[PipelineStatus], sources: Sequence[SourceStatus]) -> Document:
    """`qctl ingest status`."""
    rows = [_pipeline(status) for status in pipelines]
    columns = (
        *("name", "queue", "rate_per_second", "depth", "oldest_age_seconds", "batches", "batch_size", "flushed"),
        *("flushed_at", "lag_seconds", "rejects", "received", "rejected", "cut", "sessions_lost", "session_lost_at"),
        *("paused", "counted", "broker_dropped", "broker_dropped_at"),
    )
    head = {"sources": [_source(source) for source in sources]}
    return Document("qctl.ingest.status/1", "name", columns, head, "pipelines", rows)


def _source(source: SourceStatus) -> Record:
    return {
        "name": source.name,
        "daemon": source.daemon,
        "pipeline": source.pipeline or None,
        "host": source.host,
        "pid": source.pid,
        "state": source.state,
        "silent": source.silent,
        "reason": source.reason or None,
        "since": time(source.since),
        "seen_at": time(source.seen_at),
    }


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
        "counted": status.counted,
        "broker_dropped": status.broker_dropped,
        "broker_dropped_at": time(status.broker_dropped_at),
    }


def ingest_topics(topics: Topics) -> Document:
    """`qctl ingest topics`. The topic null sums up all topics that are not counted individually."""
    columns = (
        *("topic", "pipeline", "rate_per_second", "received", "rejected", "seen_at", "lag_seconds"),
        *("ignored", "left_out", "clocks_not_set", "usual_pause_seconds"),
    )
    head = {"matching": topics.matching, "total": topics.total}
    return Document(
        "qctl.ingest.topics/1", "topic", columns, head, "topics", [_topic(topic) for topic in topics.topics]
    )


def _topic(status: TopicStatus) -> Record:
    return {
        "topic": status.topic,
        "pipeline": status.pipeline,
        "rate_per_second": seconds(status.rate),
        "received": status.received,
        "rejected": status.rejected,
        "seen_at": time(status.seen_at),
        "lag_seconds": seconds(status.lag),
        "ignored": json.dumps(dict(status.ignored), ensure_ascii=False),
        "left_out": json.dumps(dict(status.left_out), ensure_ascii=False),
        "clocks_not_set": status.clocks,
        "usual_pause_seconds": seconds(status.usual_pause),
    }


def ingest_tail(arrivals: Sequence[Arrival]) -> Document:
    """`qctl ingest tail`. `content` is JSON: fields by name, or msg_id and message."""
    rows: list[Record] = [
        {
            "pipeline": arrival.pipeline,
            "received_at": time(arrival.received_at),
            "source": arrival.source,
            "at": time(arrival.at),
            "content": json.dumps(arrival.content),
        }
        for arrival in arrivals
    ]
    columns = ("pipeline", "received_at", "source", "at", "content")
    return Document("qctl.ingest.tail/1", "source", columns, {}, "arrivals", rows)


def ingest_push(pipeline: str, result: ImportResult) -> Document:
    """`qctl ingest push`. `lines` holds the first rejected lines; `refused` counts all."""
    head: dict[str, Any] = {
        "pipeline": pipeline,
        "taken": result.taken,
        "refused": result.refused,
        "lines": rejected_lines(result.lines),
    }
    return single("qctl.ingest.push/1", "taken", head)


def ingest_replay(result: ReplayedItems, *, dry_run: bool) -> Document:
    """`qctl ingest replay`."""
    head: Record = {
        "pipeline": result.pipeline,
        "source": result.source,
        "replayed": 0 if dry_run else result.items,
        "would": result.items if dry_run else None,
        "dry_run": dry_run,
    }
    return single("qctl.ingest.replay/1", "pipeline", head)


def ingest_flush(results: Sequence[FlushResult]) -> Document:
    """`qctl ingest flush`."""
    rows: list[Record] = [
        {"pipeline": result.pipeline, "queue": result.queue, "items": result.items, "left": result.left}
        for result in results
    ]
    return Document("qctl.ingest.flush/1", "pipeline", ("pipeline", "queue", "items", "left"), {}, "pipelines", rows)


def reject_list(rejects: DeadLetters, pipeline: Callable[[DeadLetter], str]) -> Document:
    """`qctl ingest rejects list`."""
    columns = ("id", "pipeline", "queue", "kind", "function", "error", "died_at", "attempts", "fingerprint")
    letters = dlq_list(rejects).rows
    rows = [{"pipeline": pipeline(letter), **row} for letter, row in zip(rejects.letters, letters, strict=True)]
    return Document("qctl.ingest.rejects.list/1", "id", columns, {"total": rejects.total}, "rejects", rows)


def reject_show(reject: RejectDetail) -> Document:
    """`qctl ingest rejects show`: a dead letter with its source, and its content if that is text."""
    origin = {"pipeline": reject.pipeline, "source": reject.source, "content": reject.content}
    head = {**dlq_show(reject.detail).head, **origin}
    return single("qctl.ingest.rejects.show/1", "id", head)
