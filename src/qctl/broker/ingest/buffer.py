"""The buffer between a source and its batch jobs: a Redis list of JSON items, oldest first.

Any number of sources may append items and cut batches at the same time. Items are JSON objects. Their field
`received_ns`, the time of receipt in ns since 1970, gives the age of the buffer.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from redis import Redis
from redis.client import Pipeline
from redis.exceptions import ResponseError, WatchError
from rq.job import Job, JobStatus, Retry
from rq.queue import Queue
from rq.serializers import JSONSerializer

from qctl import catalog
from qctl.broker.bookkeeping import counters, dead_letter_index, events
from qctl.broker.bookkeeping.reject_records import Reject, RejectLimits, add_rejected
from qctl.broker.ingest import broker_drops
from qctl.broker.redis import clock, keys, replication, replies
from qctl.broker.redis.scripts import Script
from qctl.catalog.specs import PipelineSpec
from qctl.errors import QctlError
from qctl.quantities import clause, quantity
from qctl.settings import Settings

RESULT_TTL_SECONDS = 500
"""Time (s) that a finished batch job stays visible, without its items: the worker deletes those with its success."""

MAX_PUBLISHED_ITEMS = 100
"""Maximum items of a commit that are published to clients that watch arrivals; the rest are counted."""

LAST_COMMIT_SECONDS = 86_400
"""Time (s) for which it is known which commit of a source was the last; longer than an outage."""

MAX_MEMORY_SHARE = 0.75
"""Share of maxmemory above which sources stop, so that workers can still empty the queues: with `noeviction`, a full
Redis rejects the workers' writes too (measured)."""


_drop_cut = Script("ingest/drop_cut")


@dataclass(frozen=True)
class Commit:
    """Items and rejects that a source stores in one transaction.

    `recent` are notes about MQTT messages, oldest first. The newest `window` of them are kept for the client id
    `session` (see `mqtt_session.py`). `retained` holds digests of retained messages by topic. `mark` tells this commit
    from all others.
    """

    items: Sequence[bytes] = ()
    rejects: Sequence[Reject] = ()
    session: str = ""
    recent: Sequence[str] = field(default_factory=list)
    window: int = 0
    retained: Mapping[str, str] = field(default_factory=dict)
    mark: str = field(default_factory=lambda: secrets.token_hex(8))


@dataclass(frozen=True)
class BufferLevel:
    """Fill level of a pipeline. `oldest_age` is in seconds, None if empty; `memory` a share of maxmemory, 0 without."""

    depth: int
    oldest_age: float | None
    waiting_batches: int
    memory: float


class Buffer:
    """The buffer of one pipeline."""

    def __init__(self, connection: Redis, pipeline: PipelineSpec, settings: Settings) -> None:
        self._redis = connection
        self._pipeline = pipeline
        self._settings = settings
        self._queue = Queue(pipeline.queue, connection=connection, serializer=JSONSerializer)
        self._handler = catalog.JOBS[pipeline.batch_job].handler
        self._raw_handler = catalog.JOBS[pipeline.raw_job].handler
        self._reject_limits = RejectLimits(settings.reject_samples, settings.rejects_memory)
        self._timeout = catalog.JOBS[pipeline.batch_job].timeout
        self._is_watched = False  # whether a client subscribes to arrivals
        self._source = secrets.token_hex(8)
        self._last_mark = ""  # the mark of the last commit that was applied
        self._in_doubt = ""  # the mark of a commit whose reply did not come

    def append(self, commit: Commit) -> int:
        """Append items to the buffer and record rejects, in one transaction.

        Returns the length of the buffer. Raises redis-py's errors; the transaction may have been applied then. Append
        the same commit again: it is applied once, unless the first attempt arrives later than the second. Sinks write
        each item once all the same.
        """
        depth = None
        if commit.mark == self._in_doubt:
            mark, known_depth = self._read_last_commit()
            depth = known_depth if mark == commit.mark else None
        if depth is None:
            self._in_doubt = commit.mark
            try:
                depth = self._append(commit)
            except ResponseError:
                self._in_doubt = ""  # a reply came: without the right to MULTI the mark may be there and no item
                raise
        self._last_mark, self._in_doubt = commit.mark, ""
        return depth

    def has_commits(self) -> bool:
        """True if Redis has everything that this source committed: it has the last commit, and so all before it."""
        mark, _ = self._read_last_commit()
        return mark in (self._last_mark, self._in_doubt or self._last_mark)

    def _read_last_commit(self) -> tuple[str, int]:
        """The mark of this source's last commit, and the length of the buffer.

        GETEX writes, so that its reply also proves that the log up to here is synced, and that replicas have it, where
        that is asked for.
        """
        with self._redis.pipeline() as pipe:
            pipe.getex(keys.last_commit(self._pipeline.name, self._source), ex=LAST_COMMIT_SECONDS)
            pipe.llen(keys.buffer(self._pipeline.name))
            mark, depth = replication.execute(self._redis, pipe)
        return (mark or b"").decode(), int(depth)

    def _append(self, commit: Commit) -> int:
        with self._redis.pipeline() as pipe:
            if commit.items:
                pipe.rpush(keys.buffer(self._pipeline.name), *commit.items)
                pipe.hincrby(keys.ingest(self._pipeline.name), "received", len(commit.items))
                counters.increment(pipe, self._pipeline.queue, "received", len(commit.items))
                if self._is_watched:
                    published = b",".join(commit.items[:MAX_PUBLISHED_ITEMS])
                    pipe.publish(keys.arrivals(self._pipeline.name), b"[%d,[%b]]" % (len(commit.items), published))
            for reject in commit.rejects:
                add_rejected(
                    pipe, self._pipeline.name, self._pipeline.queue, self._raw_handler, reject, self._reject_limits
                )
            if commit.recent:
                pipe.lpush(keys.mqtt_recent(commit.session), *commit.recent)
                pipe.ltrim(keys.mqtt_recent(commit.session), 0, commit.window - 1)
            if commit.retained:
                digests: dict[Any, Any] = dict(commit.retained)
                pipe.hset(keys.mqtt_retained(self._pipeline.name), mapping=digests)
            last = keys.last_commit(self._pipeline.name, self._source)
            pipe.set(last, commit.mark, ex=LAST_COMMIT_SECONDS)
            pipe.llen(keys.buffer(self._pipeline.name))
            return int(replication.execute(self._redis, pipe)[-1])

    def record_session_loss(self) -> None:
        """Record that the MQTT broker lost the session with its queued messages."""
        with self._redis.pipeline() as pipe:
            pipe.hincrby(keys.ingest(self._pipeline.name), "sessions_lost", 1)
            pipe.hset(keys.ingest(self._pipeline.name), "session_lost_at", clock.now_ms(self._redis))
            pipe.execute()

    def record_broker_drops(self, counter: str, value: int) -> int:
        """Note the count of dropped messages that a broker told. Returns by how many it has grown."""
        return broker_drops.note(self._redis, self._pipeline.name, counter, value)

    def level(self) -> BufferLevel:
        """Read the fill levels of buffer, queue and Redis, and whether a client watches arrivals, in one round trip."""
        with self._redis.pipeline(transaction=False) as pipe:
            pipe.llen(keys.buffer(self._pipeline.name))
            pipe.lindex(keys.buffer(self._pipeline.name), 0)
            pipe.llen(keys.queue(self._pipeline.queue))
            pipe.info("memory")
            pipe.execute_command("PUBSUB", "NUMSUB", keys.arrivals(self._pipeline.name))
            *levels, subscribers = pipe.execute(raise_on_error=False)
        for error in (reply for reply in levels if isinstance(reply, Exception)):
            raise error
        # A Redis user without the right to PUBSUB publishes nothing.
        self._is_watched = isinstance(subscribers, list) and subscribers[1] > 0
        depth, oldest, waiting, memory = levels
        limit = int(memory.get("maxmemory", 0))
        return BufferLevel(depth, item_age(oldest), waiting, memory["used_memory"] / limit if limit else 0.0)

    def backpressure_reason(self, level: BufferLevel) -> str | None:
        """The reason why a source must stop acknowledging, None if it need not."""
        if level.memory > MAX_MEMORY_SHARE:
            return f"Redis uses {level.memory:.0%} of maxmemory"
        if level.depth >= self._settings.buffer_high_water:
            return f"{clause(level.depth, 'item', 'waits', 'wait')} in the buffer {self._pipeline.name}"
        return None

    def cut_batches(self, *, max_age: float | None = None) -> int:
        """Move items from the buffer to batch jobs: full batches, and a partial one if it is `max_age` seconds old.

        Without `max_age`, all items are moved. Stops when QCTL_MAX_WAITING_BATCHES jobs wait. Returns the number of
        items.
        """
        total = 0
        while count := self._cut_batch(max_age):
            total += count
        return total

    def _cut_batch(self, max_age: float | None) -> int:
        name, size = self._pipeline.name, self._settings.batch_size
        with self._redis.pipeline() as pipe:
            for _ in range(10):
                try:
                    pipe.watch(keys.buffer_head(name))
                    written_head = replies.optional_bytes(pipe.get(keys.buffer_head(name))) or b"0"
                    head = _position(name, written_head)
                    if pipe.llen(keys.queue(self._pipeline.queue)) >= self._settings.max_waiting_batches:
                        return 0
                    items = replies.bytes_list(pipe.lrange(keys.buffer(name), 0, size - 1))
                    due = max_age is None or len(items) == size or (items and (item_age(items[0]) or 0) >= max_age)
                    if not items or not due:
                        return 0
                    pipe.multi()
                    self._enqueue(pipe, head, items)
                    places = {"buffer": keys.buffer(name), "head": keys.buffer_head(name)}
                    _drop_cut.stage(pipe, **places, expected_head=written_head, count=len(items))
                    pipe.execute()
                except WatchError:
                    continue
                return len(items)
        return 0

    def _enqueue(self, pipe: Pipeline, head: int, items: list[bytes]) -> None:
        """Enqueue a batch job. Its id is its position in the stream of items, so that no batch is enqueued twice."""
        delays = self._settings.retry_delays
        job = Job.create(
            self._handler,
            id=f"{self._pipeline.name}-{head}",
            origin=self._pipeline.queue,
            connection=self._redis,
            serializer=JSONSerializer,
            status=JobStatus.QUEUED,
            timeout=self._timeout,
            result_ttl=RESULT_TTL_SECONDS,
            failure_ttl=dead_letter_index.NEVER_EXPIRES_TTL,
            retry=Retry(max=len(delays), interval=delays) if delays else None,
            description=f"{self._pipeline.batch_job}: {quantity(len(items), 'item')}",
        )
        job.data = b"".join((b'["', self._handler.encode(), b'", null, [[', b",".join(items), b"]], {}]"))
        self._queue.enqueue_job(job, pipeline=pipe)
        pipe.hincrby(keys.ingest(self._pipeline.name), "cut", len(items))
        flushed: dict[Any, Any] = {"flushed": len(items), "flushed_at": time.time_ns() // 1_000_000}
        pipe.hset(keys.ingest(self._pipeline.name), mapping=flushed)
        events.record(pipe, "created", queue=self._pipeline.queue, job=job.id, count=len(items))


def item_age(item: bytes | None) -> float | None:
    """Seconds since an item was received; 0 if its `received_ns` cannot be read, None without an item."""
    if item is None:
        return None
    try:
        return max(0.0, time.time() - float(json.loads(item)["received_ns"]) / 1e9)
    except (ValueError, KeyError, TypeError):
        return 0.0


def _position(pipeline: str, raw: bytes) -> int:
    """The number of items ever cut. Raises QctlError if the key holds another text."""
    try:
        return int(raw)
    except ValueError:
        key = keys.buffer_head(pipeline)
        raise QctlError(
            f"key {key!r} holds {raw!r}, not a number: batches cannot be cut",
            hint=f"find who writes there, then: redis-cli set {key} {time.time_ns()}",
        ) from None
