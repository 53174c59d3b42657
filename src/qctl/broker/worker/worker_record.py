"""RQ's record of a worker, which RQ's tools read: its birth, heartbeats, counts of jobs, and death."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

from redis import Redis
from redis.client import Pipeline
from redis.exceptions import RedisError
from rq import worker_registration
from rq.utils import now, utcformat
from rq.worker import BaseWorker

from qctl.broker.redis import clock, job_fields
from qctl.broker.worker import process_memory

WORKER_TTL_SECONDS = 30
"""Time (s) without a heartbeat after which RQ's tools call a worker dead, less RQ's own margin of 60 s."""

COUNTS_INTERVAL_SECONDS = 0.2
"""Time (s) between two additions to the counts: a run is recorded after those that ended before it are counted."""


class WorkerRecord:
    """The record of one worker. The lease thread keeps it alive and adds the counts of fast-path jobs to it."""

    def __init__(self, rq: BaseWorker, connection: Redis) -> None:
        self._rq = rq
        self._redis = connection
        self._lock = threading.Lock()
        self._fields: dict[Any, Any] = {}
        self._jobs, self._seconds = 0, 0.0
        """Successful jobs, and the seconds that they ran, that the record does not count yet."""
        self._counts_due = 0.0
        self._clock_skew: float | None = None
        """Seconds by which this host's clock was ahead of Redis's at the last heartbeat."""
        self._usage: tuple[float, float] | None = None
        """Time of the last heartbeat, and the processor time (s) that was taken until then."""

    def register(self) -> None:
        """Write a new record, and add the worker to RQ's registry."""
        self._rq.hostname, self._rq.pid = socket.gethostname(), os.getpid()
        try:
            self._rq._set_ip_address(self._redis)
        except ValueError:  # redis-py cannot parse the reply if the path of Redis's socket has a space in it
            self._rq.ip_address = "unknown"
        # The name is unique: an existing record is left by a failed registration, and RQ would refuse another.
        self._redis.delete(self._rq.key)
        self._rq.register_birth()
        with self._lock:
            self._fields = self._rq.serialize()

    def beat(self, child_pids: list[int], renew_run: Callable[[Pipeline], None]) -> None:
        """Renew the record, with memory and processors of the worker and its children.

        `renew_run` adds commands for a run.
        """
        memory = process_memory.resident_bytes(os.getpid(), *child_pids)
        began = time.time()
        with self._lock:
            fields = {**self._fields, "last_heartbeat": utcformat(now())}
        if memory:
            fields[job_fields.WORKER_MEMORY] = memory
        if (busy := self._busy_processors(child_pids)) is not None:
            fields[job_fields.WORKER_CPU] = round(busy, 3)
        if self._clock_skew is not None:
            fields[job_fields.WORKER_CLOCK_SKEW] = round(self._clock_skew, 3)
        with self._redis.pipeline() as pipe:
            pipe.time()
            pipe.hset(self._rq.key, mapping=fields)
            pipe.expire(self._rq.key, WORKER_TTL_SECONDS + 60)
            worker_registration.register(self._rq, pipe)
            renew_run(pipe)
            at, *_ = pipe.execute()
        self._clock_skew = (began + time.time()) / 2 - clock.reply_ms(at) / 1000

    def _busy_processors(self, child_pids: list[int]) -> float | None:
        """Processors that were busy since the last heartbeat; None at the first one."""
        taken, at, before = process_memory.processor_seconds(os.getpid(), *child_pids), time.monotonic(), self._usage
        self._usage = None if taken is None else (at, taken)
        if taken is None or before is None or at <= before[0]:
            return None
        return max(0.0, taken - before[1]) / (at - before[0])

    def count_success(self, seconds: float) -> None:
        """Count a job that ran so long; the record is changed later."""
        with self._lock:
            self._jobs += 1
            self._seconds += seconds

    def uncount_success(self, seconds: float) -> None:
        """Uncount a job that was counted here, because RQ counts it itself."""
        with self._lock:
            self._jobs -= 1
            self._seconds -= seconds

    def write_due_counts(self) -> None:
        """Write the counts if the interval is over; if that fails, again after a second."""
        at = time.monotonic()
        if at < self._counts_due:
            return
        self._counts_due = at + 1.0
        self.write_counts()
        self._counts_due = at + COUNTS_INTERVAL_SECONDS

    def write_counts(self) -> None:
        """Add the counts to the record. Raises redis-py's exceptions, and keeps the counts then."""
        with self._lock:
            jobs, seconds = self._jobs, self._seconds
            self._jobs, self._seconds = 0, 0.0
        if (jobs, seconds) == (0, 0.0):
            return
        try:
            with self._redis.pipeline() as pipe:
                pipe.hincrby(self._rq.key, "successful_job_count", jobs)
                pipe.hincrbyfloat(self._rq.key, "total_working_time", seconds)
                pipe.execute()
        except RedisError:
            with self._lock:
                self._jobs += jobs
                self._seconds += seconds
            raise
