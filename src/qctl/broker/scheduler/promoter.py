"""Moves delayed jobs and retries to their queues when they are due.

RQ's own scheduler reads what is due and enqueues it in two steps under a lock of 61 s, which after a crash nobody
looks at again for ten minutes. Here the move is one script, so any number of schedulers may run; RQ's lock is held all
the same, under one name shared by all of qctl's, to keep RQ's own schedulers off the same queues.
"""

from __future__ import annotations

import json
import logging
import time
from datetime import datetime, timezone

from redis import Redis
from rq.job import Job
from rq.queue import Queue
from rq.scheduler import RQScheduler
from rq.serializers import JSONSerializer
from rq.utils import utcformat

from qctl.broker.bookkeeping import dead_letter_index, events
from qctl.broker.redis import clock, keys
from qctl.broker.redis.connection import is_temporary, log_and_continue
from qctl.broker.redis.scripts import Script

log = logging.getLogger(__name__)

MAX_JOBS_PER_CALL = 200
"""Jobs a script call may enqueue: some 2 ms."""

_promote = Script("scheduler/promote", after="redis/types")


class DelayedJobPromoter(RQScheduler):
    """RQ's scheduler for delayed jobs and retries, for all queues there are."""

    def __init__(self, connection: Redis) -> None:
        super().__init__([], connection=connection, interval=1, serializer=JSONSerializer, name="qctl")
        self._connection = connection
        self._locked_at = 0.0
        self._known: set[str] = set()

    def tick(self) -> int:
        """Enqueue what is due in every queue whose lock is ours. Returns how many jobs. Raises what redis-py does."""
        self._queue_names = {keys.queue_name(key) for key in self.connection.smembers(keys.QUEUES)}
        if time.monotonic() - self._locked_at > 5 or not self._queue_names <= self._known:
            self._known = set(self._queue_names)
            self.acquire_locks()
            self.register_birth()
            self._locked_at = time.monotonic()
        total = 0
        for name in self._acquired_locks:
            with log_and_continue(f"schedule the jobs of {name}"):
                total += self._promote(name)
        return total

    def _promote(self, name: str) -> int:
        total = 0
        while True:
            moved, *limited = _promote(
                self.connection,
                [keys.scheduled(name), keys.queue(name), keys.QUEUES, keys.quarantine(name), keys.EVENTS],
                [
                    MAX_JOBS_PER_CALL,
                    keys.JOB_PREFIX,
                    utcformat(datetime.now(timezone.utc)),
                    name,
                    events.MAX_ENTRIES,
                ],
            )
            for job_id in limited:
                self._promote_limited(name, job_id.decode(errors="surrogateescape"))
            total += int(moved)
            if moved:
                log.debug("%d jobs of %s were due", moved, name)
            if moved < MAX_JOBS_PER_CALL:
                return total

    def _promote_limited(self, name: str, job_id: str) -> None:
        """A rate limited job asks RQ's limiter for a slot, as RQ's scheduler does. Without a hash that can be read it
        is quarantined."""
        queue = Queue(name, connection=self.connection, serializer=JSONSerializer)
        try:
            job = Job.fetch(job_id, connection=self.connection, serializer=JSONSerializer)
        except Exception as error:
            if is_temporary(error):
                raise
            self._quarantine(
                name,
                job_id,
                f"it cannot be read: {type(error).__name__}: {error}"[: dead_letter_index.MAX_REASON_CHARACTERS],
            )
            return
        with self.connection.pipeline() as pipe:
            pipe.zrem(keys.scheduled(name), job_id)
            queue._enqueue_rate_limited_job(job, pipeline=pipe, at_front=job.should_enqueue_at_front())
            pipe.execute()

    def _quarantine(self, name: str, job_id: str, reason: str) -> None:
        note = {"reason": reason, "at": clock.now_ms(self.connection), "by": "scheduler", "recoveries": 0}
        with self.connection.pipeline() as pipe:
            pipe.zrem(keys.scheduled(name), job_id)
            pipe.hset(keys.job(job_id), "status", "failed")
            pipe.hset(keys.quarantine(name), job_id, json.dumps(note))
            events.record(pipe, "quarantined", queue=name, job=job_id, reason=reason)
            pipe.execute()
        told = {"event": "dlq", "jobId": job_id}
        log.error("quarantined job %s of %s: %s", job_id, name, reason, extra=told)
