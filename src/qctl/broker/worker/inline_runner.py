"""Runs jobs in the worker's own process. The child of a forking worker runs its jobs the same way."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any, cast

from redis.client import Pipeline
from rq.executions import Execution
from rq.job import Job, JobStatus
from rq.queue import Queue
from rq.timeouts import JobTimeoutException
from rq.utils import now, utcformat
from rq.worker import BaseWorker

from qctl import logs
from qctl.broker.redis.connection import is_temporary
from qctl.broker.worker.claim_request import JobEnd
from qctl.broker.worker.claims import Claimant
from qctl.broker.worker.fast_path import FastPathJob
from qctl.broker.worker.guarded_job import BATCH_HANDLERS, GuardedJob
from qctl.broker.worker.job_log import JobLog
from qctl.broker.worker.outcomes import Outcomes
from qctl.broker.worker.prefetch import MAX_PREFETCH_JOBS
from qctl.broker.worker.stop_job import AbortedError, JobStopper
from qctl.broker.worker.worker_record import WORKER_TTL_SECONDS
from qctl.errors import ClaimLostError

log = logging.getLogger(__name__)
events = logs.FrequentEvents(log)

LONG_RUN_SECONDS = 1.0
"""Time (s) after which a supervisor is told how long the job may take. Shorter than any watchdog."""

HEARTBEAT_AFTER_SECONDS = 20.0
"""Time (s) after which RQ's heartbeat of a run is renewed; RQ lets it live for 90 s."""

NO_TIMEOUT_SECONDS = 3e8
"""Time (s) that a job without a time-out may take: ten years."""


@dataclass
class _Run:
    job: Job
    execution: Execution
    began_at: float = field(default_factory=time.monotonic)
    is_announced: bool = False
    """True if the supervisor was told how long the job may take."""


class InlineRunner:
    """Runs jobs here: for short jobs whose code is trusted not to crash the interpreter."""

    max_prefetch_jobs = MAX_PREFETCH_JOBS

    def __init__(
        self,
        rq: BaseWorker,
        claimant: Claimant,
        outcomes: Outcomes,
        job_log: JobLog,
        *,
        stopper: JobStopper | None = None,
    ) -> None:
        self._rq = rq
        self._claimant = claimant
        self._outcomes = outcomes
        self._log = job_log
        self._stopper = stopper
        self._lock = threading.Lock()
        self._current: _Run | None = None
        self._is_performing = False

    # --- one job ------------------------------------------------------------------------------------------------

    def run(self, job: Job, queue: Queue, execution: Execution) -> JobEnd | None:
        """Run a job. Returns the end of a fast-path job that succeeded; every other end has been written."""
        with self._lock:
            self._current = _Run(job, execution)
        try:
            return self.perform(job, queue, execution)
        finally:
            with self._lock:
                self._current = None

    def perform(self, job: Job, queue: Queue, execution: Execution) -> JobEnd | None:
        """Run a job, as `run` does, in a process that nobody watches. Log lines written meanwhile name the job."""
        ours = cast(GuardedJob, job)
        with logs.log_context(jobId=job.id, traceId=ours.trace, userId=ours.owner):
            if not isinstance(job, FastPathJob) and not self._start(job, queue, execution):
                return None
            try:
                end = self._perform(job, queue, execution)
            finally:
                self._log.end()
            if end is not None or job._status == JobStatus.FINISHED:
                events.log(_level(job), f"job {job.id} of {queue.name}: {ours.label} finished", event="finish")
            return end

    def _perform(self, job: Job, queue: Queue, execution: Execution) -> JobEnd | None:
        try:
            self._is_performing = True
            events.log(_level(job), f"job {job.id} of {queue.name} starts", event="start")
            seconds = job.timeout or queue.DEFAULT_TIMEOUT
            self._log.begin(job, execution, self._claimant.name)
            with self._rq.death_penalty_class(seconds, JobTimeoutException, job_id=job.id), self._stoppable(job):
                value = job.perform()
        except AbortedError:
            self._outcomes.put_back(job, queue)
            raise
        except BaseException as error:  # noqa: BLE001 - SystemExit in a job is that job's failure
            self._outcomes.write_error(job, queue, execution, error)
            return None
        finally:
            self._is_performing = False
        end = self._outcomes.write_value(job, queue, execution, value)
        row = self._log.row() if end is not None else None
        return end._replace(log=row) if end is not None and row else end

    def _stoppable(self, job: Job) -> AbstractContextManager[None]:
        return self._stopper.running(job.id) if self._stopper else nullcontext()

    def _start(self, job: Job, queue: Queue, execution: Execution) -> bool:
        """Start a claimed job. False if it must not run here; it is quarantined then, or another worker has it."""
        try:
            mark_started(self._claimant, job)
        except ClaimLostError as error:
            log.warning("%s", error)
            self._delete(execution, job)
            return False
        except Exception as error:
            if is_temporary(error):
                raise
            self._outcomes.quarantine(queue.name, job.id, f"it cannot be started: {type(error).__name__}: {error}")
            return False
        return True

    def _delete(self, execution: Execution, job: Job) -> None:
        with self._rq.connection.pipeline() as pipe:
            execution.delete(job=job, pipeline=pipe)
            pipe.execute()
        self._rq.executions.pop(execution.id, None)

    # --- stopping it --------------------------------------------------------------------------------------------

    def abort(self) -> None:
        """Raise AbortedError if a job runs. For signal handlers, in the main thread."""
        if self._is_performing:
            raise AbortedError

    def kill(self, *_: Any) -> None:
        """Stop the job that RQ's command names. Called in the thread that listens for commands."""
        if self._stopper is None or not self._stopper.stop(self._rq._stopped_job_id or ""):
            self._rq._stopped_job_id = None

    def close(self) -> None:
        """Do nothing: no process is kept between jobs."""

    # --- in the lease thread ------------------------------------------------------------------------------------

    def child_pids(self) -> list[int]:
        """The processes that run jobs beside this one: none."""
        return []

    def announce_long_run(self, allow: Callable[[float], None]) -> None:
        """Call `allow` with the seconds that a long job may still take, because the main loop sends no heartbeat."""
        with self._lock:
            run = self._current
            if run is None or run.is_announced:
                return
            ran = time.monotonic() - run.began_at
            if ran < LONG_RUN_SECONDS:
                return
            run.is_announced = True
            seconds = run.job.timeout or Queue.DEFAULT_TIMEOUT
        allow(seconds - ran if seconds > 0 else NO_TIMEOUT_SECONDS)

    def renew_run(self, pipe: Pipeline) -> None:
        """Renew RQ's heartbeat of a run that lasts."""
        with self._lock:
            run = self._current
            if run and time.monotonic() - run.began_at > HEARTBEAT_AFTER_SECONDS:
                ttl = self._rq.get_heartbeat_ttl(run.job)
                run.execution.heartbeat(run.job.started_job_registry, ttl, pipe)


def mark_started(claimant: Claimant, job: Job) -> None:
    """Mark a job as started, in one step with the check of its claim. Raises ClaimLostError if that is gone."""
    moment = now()
    trace = getattr(job, "trace", None) or ""
    ttl = WORKER_TTL_SECONDS + 60
    if not claimant.start_job(job.origin, job.id, at=utcformat(moment), worker_ttl=ttl, trace=trace):
        raise ClaimLostError(f"job {job.id} was given to another worker")
    job.worker_name, job.started_at, job.last_heartbeat = claimant.name, moment, moment
    if isinstance(job, GuardedJob) and job.enqueued_at:
        job.waited = (moment - job.enqueued_at).total_seconds()
    job._status = JobStatus.STARTED


def _level(job: Job) -> int:
    """The level of the lines about a job: there are many batches, all alike."""
    return logging.DEBUG if job.func_name in BATCH_HANDLERS else logging.INFO
