"""Data ingestion: status of pipelines and topics, arrivals, manual pushes and flushes, rejected messages."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from shlex import quote

from qctl import catalog
from qctl.broker.bookkeeping import heartbeats
from qctl.broker.ingest.buffer import Buffer, Commit
from qctl.broker.ingest.topics import TopicCounters
from qctl.broker.query import id_prefixes, locate_jobs, pipeline_status
from qctl.broker.redis.connection import Backoff, translate_errors
from qctl.catalog.specs import PipelineSpec
from qctl.errors import BackpressureError, NotFoundError, QctlError, RedisUnreachableError, RejectedError, UsageError
from qctl.models import (
    MAX_LISTED_OUTCOMES,
    Arrivals,
    FlushResult,
    ImportResult,
    PipelineStatus,
    Progress,
    RejectDetail,
    RejectedLine,
    ReplayedItems,
    SourceStatus,
    Topics,
    TopicStatus,
    ignore_progress,
)
from qctl.ops import ingest_replay
from qctl.ops.base import Part
from qctl.ops.dead_letters import DeadLetterOps
from qctl.ops.selection import require_page
from qctl.sources import json_lines
from qctl.store.stored_items import StoredQuery

SORTS: dict[str, Callable[[TopicStatus], float]] = {
    "seen": lambda topic: topic.seen_at.timestamp() if topic.seen_at else 0.0,
    "rate": lambda topic: topic.rate,
    "received": lambda topic: topic.received,
    "rejected": lambda topic: topic.rejected,
    "lag": lambda topic: topic.lag or 0.0,
}
"""Sort keys of topics, each in descending order."""

LINES_PER_TRANSACTION = 500

IDS_PER_READ = 1000


class IngestOps(Part, name="ingest"):
    """Data ingestion, for `qctl ingest`."""

    def status(self, pipelines: Sequence[str] = ()) -> list[PipelineStatus]:
        """Read the current status of these pipelines, default: all. Raises NotFoundError."""
        return pipeline_status.pipelines(self._redis, catalog.pipelines(pipelines), self._settings.batch_size)

    def sources(self) -> list[SourceStatus]:
        """Read the last heartbeats of all sources and schedulers that ran within a day, by name."""
        return heartbeats.read(self._redis)

    def topics(self, pattern: str | None = None, *, sort: str = "seen", limit: int = 50) -> Topics:
        """Return the first `limit` topics that match the pattern, sorted by one of `SORTS`. Raises UsageError."""
        require_page(limit)
        if sort not in SORTS:
            raise UsageError(f"cannot sort topics by {sort!r}; allowed: {', '.join(SORTS)}")
        topics = [topic for name in catalog.PIPELINES for topic in pipeline_status.by_topic(self._redis, name)]
        matching = [topic for topic in topics if pattern is None or fnmatchcase(topic.topic or "", pattern)]
        matching.sort(key=SORTS[sort], reverse=True)
        return Topics(matching[:limit], len(matching), sum(topic.topic is not None for topic in topics))

    def tail(
        self, pipelines: Sequence[str] = (), *, on_disconnect: Callable[[QctlError, float], None]
    ) -> Iterator[Arrivals]:
        """Yield items as they arrive, and an empty result about every second without any. Never ends.

        Items that arrive faster than the caller reads are sampled. If Redis becomes unreachable, `on_disconnect` gets
        the error and the seconds until the next attempt, and has to wait for them. Raises NotFoundError, RefusedError
        if this user may not subscribe, and RedisUnreachableError if Redis is unreachable from the start.
        """
        names = [spec.name for spec in catalog.pipelines(pipelines)]
        backoff, connected = Backoff(), False
        while True:
            try:
                with translate_errors(self._settings):
                    for arrivals in pipeline_status.watch(self._redis, names):
                        backoff.reset()
                        connected = True
                        yield arrivals
            except RedisUnreachableError as error:
                if not connected:
                    raise
                on_disconnect(error, backoff.next_delay())

    def push(
        self, pipeline: str, lines: Iterable[bytes], *, topic: str | None = None, progress: Progress = ignore_progress
    ) -> ImportResult:
        """Push lines of JSON into the buffer of a pipeline, as its source does; `topic` is the topic of all readings.

        An invalid line is returned with its number and makes no dead letter. May be interrupted and repeated with the
        same lines: items with an id or a time of their own are stored once. Raises NotFoundError, UsageError, and
        BackpressureError if there is no room.
        """
        (spec,) = catalog.pipelines([pipeline])
        buffer = Buffer(self._redis, spec, self._settings)
        parse = json_lines.line_parser(self._settings, spec.name, topic)
        topics = TopicCounters(self._redis, spec.name)
        items: list[bytes] = []
        rejected: list[RejectedLine] = []
        taken = refused = received_ns = 0
        for number, line in enumerate(lines, 1):
            received_ns = max(time.time_ns(), received_ns + 1)
            try:
                if line.strip():
                    parsed = parse(line, received_ns)
                    items += parsed.items
                    received_ns += len(parsed.items)
                    _count_left_out(topics, parsed)
            except RejectedError as error:
                refused += 1
                rejected += [RejectedLine(number, error.message)] if len(rejected) < MAX_LISTED_OUTCOMES else []
            if len(items) >= LINES_PER_TRANSACTION:
                taken += self._append(buffer, items)
                progress(taken, None)
                items = []
        taken += self._append(buffer, items)
        with translate_errors(self._settings):
            topics.flush()
        return ImportResult(taken, refused, rejected, [spec.queue] if taken else [])

    def replay(
        self,
        pipeline: str,
        source: str,
        query: StoredQuery,
        *,
        rate: float | None = None,
        dry_run: bool = False,
        progress: Progress = ignore_progress,
    ) -> ReplayedItems:
        """Put what a database has stored into the buffer of its pipeline again, at most `rate` items per second; with
        `dry_run` only count it. Times and ids stay, so that a sink stores each item once: it may be interrupted and
        repeated. Waits while the buffer is full.

        Raises NotFoundError, UsageError for a source that is not read, BackpressureError, and SinkError.
        """
        return ingest_replay.replay(
            self._redis, self._settings, pipeline, source, query, rate=rate, dry_run=dry_run, progress=progress
        )

    def flush(self, pipelines: Sequence[str] = ()) -> list[FlushResult]:
        """Cut batches from all items in the buffers of these pipelines, as far as their queues have room. Raises
        NotFoundError."""
        return [self._flush(spec) for spec in catalog.pipelines(pipelines)]

    def reject(self, job_id: str) -> RejectDetail:
        """Return a dead letter of a pipeline, with the message and its source. Raises NotFoundError."""
        detail = DeadLetterOps(self._redis, self._settings).show(job_id)
        by_queue = {spec.queue: spec for spec in catalog.PIPELINES.values()}
        spec = by_queue.get(detail.letter.queue)
        if spec is None:
            raise NotFoundError(
                f"{job_id!r} is a dead letter of queue {detail.letter.queue!r}, not of a pipeline",
                hint=f"show it with: qctl dlq show {quote(job_id)}",
            )
        return RejectDetail(detail, spec.name, *_source_and_content(detail.payload, spec))

    def require_rejects(self, ids: Sequence[str]) -> None:
        """Raise NotFoundError if one of these jobs is in a queue that is not of a pipeline."""
        queues = {spec.queue for spec in catalog.PIPELINES.values()}
        ids = id_prefixes.complete(self._redis, ids)
        for start in range(0, len(ids), IDS_PER_READ):
            states = locate_jobs.current_states(self._redis, ids[start : start + IDS_PER_READ])
            for id_, (_, queue) in states.items():
                if queue and queue not in queues:
                    hint = "list rejects with: qctl ingest rejects list"
                    raise NotFoundError(f"{id_!r} is a job of queue {queue!r}, not of a pipeline", hint=hint)

    def _flush(self, spec: PipelineSpec) -> FlushResult:
        buffer = Buffer(self._redis, spec, self._settings)
        return FlushResult(spec.name, spec.queue, buffer.cut_batches(), buffer.level().depth)

    def _append(self, buffer: Buffer, items: Sequence[bytes]) -> int:
        if not items:
            return 0
        if full := buffer.backpressure_reason(buffer.level()):
            raise BackpressureError(full, hint="show the buffers with: qctl ingest status")
        buffer.append(Commit(items))
        return len(items)


def _count_left_out(topics: TopicCounters, line: json_lines.ParsedLine) -> None:
    """Count what was left out of a reading, for `qctl ingest topics`."""
    if line.parsed and (line.parsed.left_out or line.parsed.clocks):
        topics.add_left_out(line.topic, line.parsed.left_out, line.parsed.clocks)


def _source_and_content(payload: str | None, spec: PipelineSpec) -> tuple[str | None, str | None]:
    """Return the source and the content of a rejected message, from the arguments of a raw job or a batch of one; None
    if the payload has neither."""
    try:
        function, _, args, _ = json.loads(payload or "")
        if catalog.current_handler(function) == catalog.JOBS[spec.raw_job].handler:
            first, second, _ = args
            if spec.name == "messages":
                return second, first
            return first, base64.b64decode(second).decode(errors="backslashreplace")
        ((item,),) = args
        return str(item.get("topic") or item.get("user_id")), json.dumps(item, ensure_ascii=False)
    except (ValueError, TypeError, AttributeError):
        return None, None
