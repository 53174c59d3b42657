"""Moves delayed jobs and retries to their queues when they are due.

RQ's scheduler reads the due jobs and enqueues them in two steps, under a lock of 61 s that after a crash is not checked
again for ten minutes. Here one script moves the jobs, so any number of schedulers may run. They still hold RQ's lock,
under one name that all of them share, to keep RQ's own schedulers off the same queues.
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
from qctl.broker.redis import clock, keys, replies
from qctl.broker.redis.connection import is_temporary, log_and_continue
from qctl.broker.redis.scripts import Script

log = logging.getLogger(__name__)

MAX_JOBS_PER_CALL = 200
"""Maximum jobs that one script call enqueues; that blocks Redis for about 2 ms."""

_promote = Script("scheduler/promote", after="redis/types")


class DelayedJobPromoter(RQScheduler):
    """RQ's scheduler for the delayed jobs and retries of all queues."""

    def __init__(self, connection: Redis) -> None:
        super().__init__([], connection=connection, interval=1, serializer=JSONSerializer, name="qctl")
        self._connection = connection  # type: ignore[assignment]  # RQ declares None
        self._locked_at = 0.0
        self._known: set[str] = set()

    def tick(self) -> int:
        """Enqueue the due jobs of every queue whose lock is held. Returns their number. Raises redis-py's errors."""
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
            reply = _promote(
                self.connection,
                scheduled=keys.scheduled(name),
                waiting=keys.queue(name),
                queues=keys.QUEUES,
                quarantine=keys.quarantine(name),
                events=keys.EVENTS,
                limit=MAX_JOBS_PER_CALL,
                job_prefix=keys.JOB_PREFIX,
                now_text=utcformat(datetime.now(timezone.utc)),
                queue=name,
                max_events=events.MAX_ENTRIES,
            )
            count, *limited = replies.array(reply)
            moved = replies.integer(count)
            for job_id in map(replies.word, limited):
                self._promote_limited(name, job_id)
            total += moved
            if moved:
                log.debug("%d jobs of %s were due", moved, name)
            if moved < MAX_JOBS_PER_CALL:
                return total

    def _promote_limited(self, name: str, job_id: str) -> None:
        """Enqueue a rate limited job by RQ's limiter, as RQ's scheduler does; quarantine it if it cannot be read."""
        queue = Queue(name, connection=self.connection, serializer=JSONSerializer)
        try:
            job = Job.fetch(job_id, connection=self.connection, serializer=JSONSerializer)
        except Exception as error:
            if is_temporary(error):
                raise
            self._quarantine(
                name,
                job_id,
                f"cannot be read: {type(error).__name__}: {error}"[: dead_letter_index.MAX_REASON_CHARACTERS],
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
        context = {"event": "dlq", "jobId": job_id}
        log.error("quarantined job %s of %s: %s", job_id, name, reason, extra=context)
