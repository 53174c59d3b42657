"""Runs jobs in child processes: for jobs that may leak, crash, or have to be stopped."""

from __future__ import annotations

import ctypes
import logging
import os
import random
import signal
import threading
from collections.abc import Callable
from typing import Any

from redis.client import Pipeline
from rq.executions import Execution
from rq.job import Job
from rq.queue import Queue
from rq.utils import now
from rq.worker import Worker, WorkerStatus

from qctl.broker.worker.child_process import ChildProcess
from qctl.broker.worker.claim_request import Claim, JobEnd
from qctl.broker.worker.claims import Claimant
from qctl.broker.worker.fast_path import FastPathJob
from qctl.broker.worker.inline_runner import InlineRunner
from qctl.broker.worker.job_loader import JobLoader
from qctl.broker.worker.job_log import JobLog
from qctl.broker.worker.outcomes import Outcomes
from qctl.broker.worker.recovery import recover
from qctl.broker.worker.stop_job import AbortedError

log = logging.getLogger(__name__)

PR_SET_PDEATHSIG = 1
"""linux/prctl.h"""


class ForkRunner:
    """Runs jobs in children. Fast-path jobs share a child for a while; every other job has its own, as RQ does it."""

    max_prefetch_jobs = 1

    def __init__(self, rq: Worker, claimant: Claimant, outcomes: Outcomes, jobs: JobLoader, job_log: JobLog) -> None:
        self._rq = rq
        self._claimant = claimant
        self._outcomes = outcomes
        self._jobs = jobs
        self._log = job_log
        self._lock = threading.Lock()
        self._running_pid = 0
        self._is_running = False
        self._child: ChildProcess | None = None
        self._child_job_class: type[Job] | None = None
        self._end: JobEnd | None = None
        self._died_under: str | None = None
        self._inside: InlineRunner | None = None
        """The runner in a child."""

    # --- one job ------------------------------------------------------------------------------------------------

    def run(self, job: Job, queue: Queue, execution: Execution) -> JobEnd | None:
        """Run a job in a child. Returns the end of a fast-path job that succeeded; other ends have been written."""
        self._died_under, self._end = None, None
        try:
            self._is_running = True
            if isinstance(job, FastPathJob):
                self._send(job)
                self._watch(job, queue, execution)
            else:
                self.close()
                self._rq.fork_work_horse(job, queue)
                self._watch(job, queue, execution)
                self._rq.set_state(WorkerStatus.IDLE)
            return self._end
        except AbortedError:
            self.kill()
            self.wait()
            self._outcomes.persist(lambda: self._claimant.put_back(queue.name, job.id))
            raise
        finally:
            self._is_running = False
            with self._lock:
                self._running_pid = 0

    def _send(self, job: FastPathJob) -> None:
        """Send a job to the kept child, or to a new one if that one must be replaced or allows other jobs."""
        if self._child and (self._child_job_class is not self._jobs.job_class or self._child.is_worn):
            self.close()
        if self._child is None:
            self._child_job_class = self._jobs.job_class
            self._child = ChildProcess(self._prepare_child, self._serve)
        self._rq._horse_pid = self._child.pid
        if self._rq._stopped_job_id == job.id:  # it was stopped before there was a child to kill
            self.kill()
        self._child.send(job.claim)

    def _watch(self, job: Job, queue: Queue, execution: Execution) -> None:
        with self._lock:
            self._running_pid = self._rq.horse_pid
        self._rq.monitor_work_horse(job, queue, execution)

    def wait(self) -> tuple[int | None, int | None, Any]:
        """Wait until the child has finished its job, or is gone. RQ calls it while it watches the child."""
        if self._child is None:
            return Worker.wait_for_horse(self._rq)
        self._end, status = self._child.wait()
        if status:
            pid, self._child = self._child.pid, None
            return pid, status, None
        return self._child.pid, 0, None

    def close(self) -> None:
        """End the child that waits for jobs."""
        if self._child is not None:
            self._child.close()
            self._child = None

    # --- in a child ---------------------------------------------------------------------------------------------

    def enter_child(self) -> None:
        """Prepare a new child: it dies with its parent, because an orphan would run a job that is given to another."""
        # Its own locks and `beat`: the lease thread may have held the others, and a supervisor listens to the worker.
        self._inside = InlineRunner(self._rq, self._claimant, Outcomes(self._rq, self._claimant), self._log)
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != self._claimant.pid:  # the parent died before the call
            os._exit(1)

    def _prepare_child(self) -> None:
        random.seed()
        self._rq.setup_work_horse_signals()
        self._rq._is_horse = True

    def _serve(self, claim: Claim) -> JobEnd | None:
        """Run a fast-path job. Returns the end of a success, None if another end was written."""
        job = self._jobs.load_fast_path(claim)
        job.check()
        job.redis_server_version = self._rq.redis_server_version
        execution = Execution(claim.execution_id, claim.job_id, self._rq.connection, self._rq.name)
        self._rq.executions[execution.id] = execution
        queue = next(queue for queue in self._rq.queues if queue.name == claim.queue)
        try:
            return self.perform(job, queue, execution)
        finally:
            self._rq.executions.clear()

    def perform(self, job: Job, queue: Queue, execution: Execution) -> JobEnd | None:
        """Run a job in this process."""
        runner = self._inside or InlineRunner(self._rq, self._claimant, self._outcomes, self._log)
        return runner.perform(job, queue, execution)

    # --- a child that is killed ---------------------------------------------------------------------------------

    def abort(self) -> None:
        """Raise AbortedError if a job runs. For signal handlers, in the main thread."""
        if self._is_running:
            raise AbortedError

    def kill(self, *args: Any) -> None:
        """Kill the child that runs a job. If there is none, RQ's own method would kill our process group."""
        if self._rq.horse_pid:
            Worker.kill_horse(self._rq, *args)

    def note_death(self, job: Job) -> None:
        """Note that the child died under a job, unless it was killed because the job ran far past its time."""
        ran = (now() - job.started_at).total_seconds() if job.started_at else 0.0
        if not (job.timeout and job.timeout > 0 and ran > job.timeout):
            self._died_under = job.id

    def recover_from_death(self, job: Job, queue: Queue) -> bool:
        """If the child died under this job, give it back at no cost; the third death quarantines it. Else False."""
        if self._died_under != job.id:
            return False
        claim = self._claimant.claim_of(queue.name, job.id)
        if claim is not None:
            outcome = recover(self._rq.connection, queue.name, job.id, claim, by=self._rq.name, own=True)
            extra = {"event": "dlq" if outcome == "quarantined" else "recover", "jobId": job.id}
            log.warning("the child that ran job %s died: %s", job.id, outcome, extra=extra)
        return True

    # --- in the lease thread ------------------------------------------------------------------------------------

    def child_pids(self) -> list[int]:
        """The child that runs a job, if any."""
        with self._lock:
            return [self._running_pid] if self._running_pid else []

    def announce_long_run(self, allow: Callable[[float], None]) -> None:
        """Do nothing: the main loop sends heartbeats while it watches the child."""

    def renew_run(self, pipe: Pipeline) -> None:
        """Do nothing: RQ renews the heartbeat of a run while it watches the child."""
