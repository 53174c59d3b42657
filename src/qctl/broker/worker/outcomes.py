"""Writes how a run ended: RQ's own transactions, repeated until they are done. Redis may be away, a reply may be lost.

The success of a fast-path job is the exception: it is written with the next claim request (`claim_loop.py`).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TypeVar

from redis.exceptions import RedisError
from rq.callbacks import execute_stopped_callback
from rq.executions import Execution
from rq.job import Job, JobStatus, Retry
from rq.queue import Queue
from rq.worker import BaseWorker

from qctl.broker.bookkeeping import counters
from qctl.broker.redis.connection import Backoff, describe, is_temporary
from qctl.broker.redis.outage import Outage
from qctl.broker.worker import fast_path, sink_breaker
from qctl.broker.worker.claim_request import JobEnd
from qctl.broker.worker.claims import Claimant, Trip
from qctl.broker.worker.fast_path import FastPathJob
from qctl.broker.worker.stop_job import StoppedError
from qctl.errors import ClaimLostError, JobError, RejectedError, SinkError

log = logging.getLogger(__name__)
T = TypeVar("T")

STOPPED = "Stopped: somebody stopped the job while it ran."
"""The error of a job that an operator stopped."""

FIRST_RETRY_SECONDS = 0.2
"""Time (s) after which an end is written again that could not be written."""


class Outcomes:
    """The ends of runs of one worker. RQ's worker `rq` writes its transactions.

    `before_put_back` gives back the prefetched jobs, which must be behind the running one in the queue. `beat`
    is called every second while an end waits for Redis.
    """

    def __init__(self, rq: BaseWorker, claimant: Claimant, before_put_back: Callable[[], None] = lambda: None) -> None:
        self._rq = rq
        self._claimant = claimant
        self._before_put_back = before_put_back
        self.beat: Callable[[], None] = lambda: None

    def write_value(self, job: Job, queue: Queue, execution: Execution, value: object) -> JobEnd | None:
        """Write that a job returned. A fast-path job's success is returned instead, to be written later."""
        if isinstance(job, FastPathJob) and not isinstance(value, Retry):
            return fast_path.success(job, value, job.result_ttl or self._rq.default_result_ttl)
        self.write_success(job, queue, execution, value)
        return None

    def write_success(self, job: Job, queue: Queue, execution: Execution, value: object) -> None:
        """Write a success, or a returned Retry, through RQ."""

        def write() -> None:
            try:
                self._rq._finalize_success(job, queue, execution, value)
            except Exception as error:
                if is_temporary(error) or isinstance(error, ClaimLostError):
                    raise
                # A callback of the job's may raise anything: the job has failed.
                self._rq._finalize_failure(job, queue, execution, (type(error), error, error.__traceback__))

        self._write(job, queue, write)

    def write_error(self, job: Job, queue: Queue, execution: Execution, error: BaseException) -> None:
        """Write the outcome of an exception that the job's function raised."""
        if isinstance(error, StoppedError):
            self._write_stop(job, queue, execution)
        elif isinstance(error, SinkError):
            self.put_back(job, queue, sink_breaker.trip_for(queue.name, error))
        elif isinstance(error, JobError):
            self.quarantine(queue.name, job.id, str(error))
        else:
            if isinstance(error, RejectedError):
                job.retries_left = None  # a retry would be refused again; only an operator can change that
            exc_info = (type(error), error, error.__traceback__)
            self._write(job, queue, lambda: self._rq._finalize_failure(job, queue, execution, exc_info))

    def _write_stop(self, job: Job, queue: Queue, execution: Execution) -> None:
        log.warning("job %s of %s was stopped", job.id, queue.name)
        try:
            execute_stopped_callback(job, self._rq.death_penalty_class)
        except Exception:
            log.exception("the callback of job %s that was stopped failed", job.id)

        def write() -> None:
            self._rq._stopped_job_id = job.id  # RQ resets it with each attempt to write
            self._rq.handle_execution_ended(job, queue, job.stopped_callback_timeout)
            self._rq.handle_job_failure(job, queue, exc_string=STOPPED, execution=execution)

        self._write(job, queue, write)

    def _write(self, job: Job, queue: Queue, write: Callable[[], None]) -> None:
        """Write how a job ended. Retries until it succeeds or the job is taken from us.

        The claim goes in the same transaction, so once it is gone the end was written, also if the reply was lost;
        RQ swallows the errors of some transactions, which a claim that is still there shows.
        """
        before = {name: getattr(job, name) for name in ("retries_left", "number_of_retries", "repeats_left", "_status")}
        backoff = Backoff(FIRST_RETRY_SECONDS)
        outage = Outage(log, f"the end of job {job.id} is not written")
        while True:
            try:
                write()
                if job._status == JobStatus.FINISHED or self._claimant.claim_of(queue.name, job.id) is None:
                    return
            except ClaimLostError as error:
                if not backoff.attempts:
                    log.warning("%s", error)
                return
            except RedisError as error:
                if not is_temporary(error):
                    raise
                counters.reset_expiry_cache()
                outage.add(describe(error))
            for name, value in before.items():
                setattr(job, name, value)
            self._wait(backoff.next_delay())

    def put_back(self, job: Job, queue: Queue, trip: Trip | None = None) -> None:
        """Give the running job back to the head of its queue, after those that waited for it."""
        self.persist(self._before_put_back)
        self.persist(lambda: self._claimant.put_back(queue.name, job.id, trip))

    def quarantine(self, queue: str, job_id: str, reason: str) -> None:
        """Quarantine a job that must not run."""
        if self.persist(lambda: self._claimant.quarantine(queue, job_id, reason)):
            extra = {"event": "dlq", "jobId": job_id}
            log.error("quarantined job %s of %s: %s", job_id, queue, reason, extra=extra)

    def persist(self, act: Callable[[], T]) -> T:
        """Retry a call while Redis is away. Only for calls that check the claim themselves."""
        backoff, outage = Backoff(FIRST_RETRY_SECONDS), Outage(log, "Redis is not written to")
        while True:
            try:
                return act()
            except RedisError as error:
                if not is_temporary(error):
                    raise
                outage.add(describe(error))
                self._wait(backoff.next_delay())

    def _wait(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self.beat()
            time.sleep(min(left, 1.0))
