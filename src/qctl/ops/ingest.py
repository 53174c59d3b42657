"""The way of data into the queues: look at it, put data in, and make batches of what waits."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from shlex import quote

from qctl import catalog
from qctl.broker.ingest.buffer import Buffer, Commit
from qctl.broker.query import pipeline_status
from qctl.broker.redis.connection import Backoff, translate_errors
from qctl.catalog.specs import PipelineSpec
from qctl.errors import BackpressureError, NotFoundError, QctlError, RedisUnreachableError, RejectedError, UsageError
from qctl.models import (
    Arrivals,
    FlushResult,
    ImportResult,
    PipelineStatus,
    Progress,
    RejectDetail,
    RejectedLine,
    Topics,
    TopicStatus,
    ignore_progress,
)
from qctl.ops.base import Part
from qctl.ops.dead_letters import DeadLetterOps
from qctl.sources import json_lines

SORTS: dict[str, Callable[[TopicStatus], float]] = {
    "seen": lambda topic: topic.seen_at.timestamp() if topic.seen_at else 0.0,
    "rate": lambda topic: topic.rate,
    "received": lambda topic: topic.received,
    "rejected": lambda topic: topic.rejected,
    "lag": lambda topic: topic.lag or 0.0,
}
"""What topics may be sorted by, the largest first."""

GROUP = 500
"""Lines that are pushed in one transaction."""

KEPT = 1000
"""Lines that were refused of which a push keeps the reason; all are counted."""


class IngestOps(Part, name="ingest"):
    """What `qctl ingest` shows and does."""

    def status(self, pipelines: Sequence[str] = ()) -> list[PipelineStatus]:
        """These pipelines, all by default, at this moment. Raises NotFoundError."""
        return pipeline_status.pipelines(self._redis, catalog.pipelines(pipelines), self._settings.batch_size)

    def topics(self, pattern: str | None = None, *, sort: str = "seen", limit: int = 50) -> Topics:
        """The first `limit` topics whose name matches, by one of `SORTS`. Raises UsageError."""
        if sort not in SORTS or limit < 0:
            raise UsageError(f"topics are sorted by {', '.join(SORTS)}")
        found = [topic for name in catalog.PIPELINES for topic in pipeline_status.by_topic(self._redis, name)]
        matching = [topic for topic in found if pattern is None or fnmatchcase(topic.topic or "", pattern)]
        matching.sort(key=SORTS[sort], reverse=True)
        return Topics(matching[:limit], len(matching), sum(topic.topic is not None for topic in found))

    def tail(self, pipelines: Sequence[str] = (), *, away: Callable[[QctlError, float], None]) -> Iterator[Arrivals]:
        """Yield what is taken in as it comes, and nothing about every second without any, for ever.

        Of what comes faster than anybody reads, some. Where Redis goes away, `away` is told why and in how many
        seconds it is asked again, which it has to wait. Raises NotFoundError, RefusedError where this user may not
        subscribe, and RedisUnreachableError where Redis is away at first.
        """
        names = [spec.name for spec in catalog.pipelines(pipelines)]
        backoff, began = Backoff(), False
        while True:
            try:
                with translate_errors(self._settings):
                    for arrivals in pipeline_status.watch(self._redis, names):
                        backoff.reset()
                        began = True
                        yield arrivals
            except RedisUnreachableError as error:
                if not began:
                    raise
                away(error, backoff.next_delay())

    def push(
        self, pipeline: str, given: Iterable[bytes], *, topic: str | None = None, progress: Progress = ignore_progress
    ) -> ImportResult:
        """Put lines of JSON into the buffer of a pipeline, as its source would; `topic` is that of all readings.

        A line that cannot be taken is told of by its number, and makes no dead letter: whoever pushes has it. May be
        interrupted, and run again with the same lines: what has an id or a time of its own shows once. Raises
        NotFoundError, UsageError, and BackpressureError where there is no room.
        """
        (spec,) = catalog.pipelines([pipeline])
        buffer = Buffer(self._redis, spec, self._settings)
        read = json_lines.line_parser(self._settings, spec.name, topic)
        items: list[bytes] = []
        bad: list[RejectedLine] = []
        taken = refused = received_ns = 0
        for number, line in enumerate(given, 1):
            received_ns = max(time.time_ns(), received_ns + 1)
            try:
                if line.strip():
                    items.append(read(line, received_ns))
            except RejectedError as error:
                refused += 1
                bad += [RejectedLine(number, error.message)] if len(bad) < KEPT else []
            if len(items) == GROUP:
                taken += self._append(buffer, items)
                progress(taken, None)
                items = []
        taken += self._append(buffer, items)
        return ImportResult(taken, refused, bad, [spec.queue] if taken else [])

    def flush(self, pipelines: Sequence[str] = ()) -> list[FlushResult]:
        """Make batches of all that is in the buffers of these pipelines, as far as their queues have room. Raises
        NotFoundError."""
        return [self._flush(spec) for spec in catalog.pipelines(pipelines)]

    def reject(self, job_id: str) -> RejectDetail:
        """One dead letter of a pipeline, with what came and from where. Raises NotFoundError."""
        detail = DeadLetterOps(self._redis, self._settings).show(job_id)
        by_queue = {spec.queue: spec for spec in catalog.PIPELINES.values()}
        spec = by_queue.get(detail.letter.queue)
        if spec is None:
            raise NotFoundError(
                f"{job_id} is a dead letter of {detail.letter.queue}", hint=f"qctl dlq show {quote(job_id)}"
            )
        return RejectDetail(detail, spec.name, *_what_came(detail.payload, spec))

    def _flush(self, spec: PipelineSpec) -> FlushResult:
        buffer = Buffer(self._redis, spec, self._settings)
        return FlushResult(spec.name, spec.queue, buffer.cut_batches(), buffer.level().depth)

    def _append(self, buffer: Buffer, items: Sequence[bytes]) -> int:
        if not items:
            return 0
        if full := buffer.backpressure_reason(buffer.level()):
            raise BackpressureError(full, hint="qctl ingest status")
        buffer.append(Commit(items))
        return len(items)


def _what_came(payload: str | None, spec: PipelineSpec) -> tuple[str | None, str | None]:
    """From where it came, and what it said, as far as that is text, of the arguments of a raw job or of a batch of one;
    None where the payload tells neither."""
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
