"""Writing how a run ended as often as it takes: Redis may be away, and the reply may be lost."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable
from shlex import quote
from typing import Any, TypeVar

from redis.exceptions import RedisError
from rq.callbacks import execute_stopped_callback
from rq.executions import Execution
from rq.job import Job, JobStatus
from rq.queue import Queue

from qctl.broker.bookkeeping import counters, dead_letter_index
from qctl.broker.redis.connection import Backoff, is_temporary
from qctl.broker.worker.claims import Trip
from qctl.broker.worker.outcome_hooks import EndingWorker
from qctl.errors import ClaimLostError, SinkError, SinkMisconfiguredError

log = logging.getLogger(__name__)
T = TypeVar("T")

STOPPED = "Stopped: somebody stopped the job while it ran."
"""What stands as the error of a job that an operator stopped."""


class SettlingWorker(EndingWorker):
    """The ends that a run may have, RQ's own way. `PlainWorker` stands on it."""

    show_life: Callable[[], None] = staticmethod(lambda: None)
    """Called every few seconds while an end waits for Redis."""

    def succeeded(self, job: Job, queue: Queue, execution: Execution, value: Any) -> None:
        """Write a success RQ's own way, as often as it takes."""
        self._settle(job, queue, self._success(job, queue, execution, value))

    def _failure(self, job: Job, queue: Queue, execution: Execution, exc_info: Any) -> Callable[[], None]:
        return lambda: self._finalize_failure(job, queue, execution, exc_info)

    def _stopped(self, job: Job, queue: Queue, execution: Execution) -> Callable[[], None]:
        log.warning("job %s of %s was stopped", job.id, queue.name)
        try:
            execute_stopped_callback(job, self.death_penalty_class)
        except Exception:
            log.exception("the callback of job %s that was stopped failed", job.id)

        def end() -> None:
            self._stopped_job_id = job.id  # RQ forgets it with each try to write it down
            self.handle_execution_ended(job, queue, job.stopped_callback_timeout)
            self.handle_job_failure(job, queue, exc_string=STOPPED, execution=execution)

        return end

    def _success(self, job: Job, queue: Queue, execution: Execution, value: Any) -> Callable[[], None]:
        def end() -> None:
            try:
                self._finalize_success(job, queue, execution, value)
            except Exception as error:
                if is_temporary(error) or isinstance(error, ClaimLostError):
                    raise
                # A callback of the job's may raise anything: the job has failed.
                self._finalize_failure(job, queue, execution, sys.exc_info())

        return end

    def _settle(self, job: Job, queue: Queue, end: Callable[[], None]) -> None:
        """Write down how a job ended, as often as it takes, as long as the job is ours.

        The claim goes in the same transaction, so once it is gone the end was written, also where the reply was
        lost; RQ swallows errors of some transactions, and a claim that still stands shows those.
        """
        before = {name: getattr(job, name) for name in ("retries_left", "number_of_retries", "repeats_left", "_status")}
        backoff = Backoff(first_seconds=0.2)
        while True:
            try:
                end()
                if job._status == JobStatus.FINISHED or self.claimant.claim_of(queue.name, job.id) is None:
                    return
            except ClaimLostError as error:
                if not backoff.attempts:
                    log.warning("%s", error)
                return
            except RedisError as error:
                if not is_temporary(error):
                    raise
                counters.reset_expiry_cache()
                log.warning("cannot write down the end of job %s yet: %s", job.id, error)
            for name, value in before.items():
                setattr(job, name, value)
            self._wait(backoff.next_delay())

    def _sink_failed(self, job: Job, queue: Queue, error: SinkError) -> None:
        """Give the batch back at no cost and hold the queue: nothing is wrong with the batch. Where only somebody can
        mend it, the reason says what to do."""
        first, todo = getattr(error, "retry_after", None) or 1.0, ""
        if isinstance(error, SinkMisconfiguredError):
            then = f"then qctl resume {quote(queue.name)}"
            first, todo = 0.0, "".join(f"; {each}" for each in (error.hint, then) if each)
        reason = f"sink: {error.message}"[: dead_letter_index.MAX_REASON_CHARACTERS - len(todo)] + todo
        log.warning("%s is held: %s", queue.name, reason)
        self._put_back(job, queue, Trip(reason, first=first))

    def _put_back(self, job: Job, queue: Queue, trip: Trip | None = None) -> None:
        """Give the running job back to the head of its queue, once those are there that waited for it."""
        self._persist(self.empty_hand)
        self._persist(lambda: self.claimant.put_back(queue.name, job.id, trip))

    def empty_hand(self) -> None:
        """Give back what waits for the running job. Here nothing does."""

    def _persist(self, act: Callable[[], T]) -> T:
        """Do it as often as it takes while Redis is away. Only for what checks the claim itself."""
        backoff = Backoff(first_seconds=0.2)
        while True:
            try:
                return act()
            except RedisError as error:
                if not is_temporary(error):
                    raise
                log.warning("Redis is away: %s", error)
                self._wait(backoff.next_delay())

    def _wait(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self.show_life()
            time.sleep(min(left, 1.0))
