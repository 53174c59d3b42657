"""The buffer between a source and its batch jobs: a Redis list of JSON items, oldest first.

Any number of sources may append and cut at the same time. Items are JSON objects and carry `received_ns`, when they
came in nanoseconds since 1970, by which the age of the buffer is known.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from redis import Redis
from redis.client import Pipeline
from redis.exceptions import WatchError
from rq.job import Job, JobStatus, Retry
from rq.queue import Queue
from rq.serializers import JSONSerializer

from qctl import catalog
from qctl.broker.bookkeeping import counters, dead_letter_index, events
from qctl.broker.redis import clock, keys
from qctl.catalog.specs import PipelineSpec
from qctl.settings import Settings

KEEP_RESULT = 500
"""Seconds that a finished batch stays visible. Its items are gone by then: the worker drops them with the success."""

SHOWN = 100
"""Items of a group that are told to who watches arrivals: more than anybody can read."""

MEMORY_LIMIT = 0.75
"""Share of maxmemory above which sources stop, so that workers can still drain what is there: with `noeviction` a
full Redis refuses the worker's own writes too (measured)."""


@dataclass(frozen=True)
class Reject:
    """A message that cannot be taken: the arguments its pipeline's raw job gets when it is retried, and why."""

    id: str
    args: tuple[Any, ...]
    reason: str


@dataclass(frozen=True)
class Commit:
    """What a source hands over in one round trip. It is all in Redis, or none of it.

    `recent` are notes about MQTT messages, oldest first, kept for the client id `session` (`mqtt_session.py`), at most
    `window` of them.
    """

    items: Sequence[bytes] = ()
    rejects: Sequence[Reject] = ()
    session: str = ""
    recent: Sequence[str] = field(default_factory=list)
    window: int = 0


@dataclass(frozen=True)
class Level:
    """How full things are. `oldest_age` in seconds, None when empty; `memory` is a share of maxmemory, 0 without."""

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
        self._timeout = catalog.JOBS[pipeline.batch_job].timeout
        self._is_watched = False

    def append(self, commit: Commit) -> int:
        """Put a group into the buffer, its rejects among the dead letters, in one transaction.

        Returns how many items the buffer holds then. Raises what redis-py raises; nothing is known then of whether
        it was done, and sending it again is safe only because sinks write each item once.
        """
        with self._redis.pipeline() as pipe:
            if commit.items:
                pipe.rpush(keys.buffer(self._pipeline.name), *commit.items)
                pipe.hincrby(keys.ingest(self._pipeline.name), "received", len(commit.items))
                counters.increment(pipe, self._pipeline.queue, "received", len(commit.items))
                if self._is_watched:
                    some = b",".join(commit.items[:SHOWN])
                    pipe.publish(keys.arrivals(self._pipeline.name), b"[%d,[%b]]" % (len(commit.items), some))
            for reject in commit.rejects:
                name, queue = self._pipeline.name, self._pipeline.queue
                dead_letter_index.add_rejected(
                    pipe, name, queue, self._raw_handler, reject.args, reject.reason, reject.id
                )
            if commit.recent:
                pipe.lpush(keys.mqtt_recent(commit.session), *commit.recent)
                pipe.ltrim(keys.mqtt_recent(commit.session), 0, commit.window - 1)
            pipe.llen(keys.buffer(self._pipeline.name))
            return int(pipe.execute()[-1])

    def session_lost(self) -> None:
        """Note that a broker forgot what it had kept for us."""
        with self._redis.pipeline() as pipe:
            pipe.hincrby(keys.ingest(self._pipeline.name), "sessions_lost", 1)
            pipe.hset(keys.ingest(self._pipeline.name), "session_lost_at", clock.now_ms(self._redis))
            pipe.execute()

    def level(self) -> Level:
        """How full the buffer, the queue behind it and Redis are, in one round trip; and whether somebody watches what
        arrives."""
        with self._redis.pipeline(transaction=False) as pipe:
            pipe.llen(keys.buffer(self._pipeline.name))
            pipe.lindex(keys.buffer(self._pipeline.name), 0)
            pipe.llen(keys.queue(self._pipeline.queue))
            pipe.info("memory")
            pipe.execute_command("PUBSUB", "NUMSUB", keys.arrivals(self._pipeline.name))
            *told, watchers = pipe.execute(raise_on_error=False)
        for error in (reply for reply in told if isinstance(reply, Exception)):
            raise error
        self._is_watched = isinstance(watchers, list) and watchers[1] > 0  # who may not ask tells nobody
        depth, oldest, waiting, memory = told
        limit = int(memory.get("maxmemory", 0))
        return Level(depth, age(oldest), waiting, memory["used_memory"] / limit if limit else 0.0)

    def overfull(self, level: Level) -> str | None:
        """Why a source must stop acknowledging, None while it need not."""
        if level.memory > MEMORY_LIMIT:
            return f"Redis uses {level.memory:.0%} of maxmemory"
        if level.depth >= self._settings.buffer_high_water:
            return f"{level.depth} items wait in the buffer {self._pipeline.name}"
        return None

    def cut(self, *, max_age: float | None = None) -> int:
        """Make batch jobs of what the buffer holds: whole batches, and the rest once it is `max_age` seconds old.

        Without `max_age` all of it is cut. Returns the number of items cut. Cuts no more than the queue has room for
        (QCTL_MAX_WAITING_BATCHES).
        """
        total = 0
        while taken := self._cut_one(max_age):
            total += taken
        return total

    def _cut_one(self, max_age: float | None) -> int:
        name, size = self._pipeline.name, self._settings.batch_size
        with self._redis.pipeline() as pipe:
            for _ in range(10):
                try:
                    pipe.watch(keys.buffer_head(name))
                    head = int(pipe.get(keys.buffer_head(name)) or 0)
                    if pipe.llen(keys.queue(self._pipeline.queue)) >= self._settings.max_waiting_batches:
                        return 0
                    items = pipe.lrange(keys.buffer(name), 0, size - 1)
                    due = max_age is None or len(items) == size or (items and (age(items[0]) or 0) >= max_age)
                    if not items or not due:
                        return 0
                    pipe.multi()
                    self._enqueue(pipe, head, items)
                    pipe.ltrim(keys.buffer(name), len(items), -1)
                    pipe.incrby(keys.buffer_head(name), len(items))
                    pipe.execute()
                except WatchError:
                    continue
                return len(items)
        return 0

    def _enqueue(self, pipe: Pipeline, head: int, items: list[bytes]) -> None:
        """Enqueue one batch under an id that its place in the stream gives, so that no cut is made twice."""
        delays = self._settings.retry_delays
        job = Job.create(
            self._handler,
            id=f"{self._pipeline.name}-{head}",
            origin=self._pipeline.queue,
            connection=self._redis,
            serializer=JSONSerializer,
            status=JobStatus.QUEUED,
            timeout=self._timeout,
            result_ttl=KEEP_RESULT,
            failure_ttl=dead_letter_index.NEVER_EXPIRES_TTL,
            retry=Retry(max=len(delays), interval=delays) if delays else None,
            description=f"{self._pipeline.batch_job}: {len(items)} items",
        )
        job.data = b"".join((b'["', self._handler.encode(), b'", null, [[', b",".join(items), b"]], {}]"))
        self._queue.enqueue_job(job, pipeline=pipe)
        pipe.hincrby(keys.ingest(self._pipeline.name), "cut", len(items))
        flushed = {"flushed": len(items), "flushed_at": time.time_ns() // 1_000_000}
        pipe.hset(keys.ingest(self._pipeline.name), mapping=flushed)
        events.record(pipe, "created", queue=self._pipeline.queue, job=job.id, count=len(items))


def age(item: bytes | None) -> float | None:
    """Seconds since an item came, 0 where it does not say."""
    if item is None:
        return None
    try:
        return max(0.0, time.time() - float(json.loads(item)["received_ns"]) / 1e9)
    except (ValueError, KeyError, TypeError):
        return 0.0
