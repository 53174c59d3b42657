"""Where a job runs: in the worker's own process, or in a child of its own."""

from __future__ import annotations

import ctypes
import logging
import os
import signal
import time
from contextlib import AbstractContextManager
from typing import Any

from redis.exceptions import RedisError
from rq.executions import Execution
from rq.job import Job
from rq.queue import Queue
from rq.utils import now
from rq.worker import Worker

from qctl.broker.execution.plain import PlainJob
from qctl.broker.execution.stopping import Stoppable
from qctl.broker.recovery import recover
from qctl.broker.worker import AbortedError, QctlWorker

log = logging.getLogger(__name__)

PR_SET_PDEATHSIG = 1
"""linux/prctl.h"""


class InlineWorker(QctlWorker):
    """Runs jobs in its own process: for short jobs whose code is trusted not to crash the interpreter."""

    starts_plain = True

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._stoppable = Stoppable()

    def stoppable(self, job: Job) -> AbstractContextManager[None]:
        """While this lasts, `kill_horse` ends the job."""
        return self._stoppable.running(job.id)

    def kill_horse(self, *_: Any) -> None:
        """Stop the job that RQ's command names. Called in the thread that listens for commands."""
        if not self._stoppable.stop(self._stopped_job_id or ""):
            self._stopped_job_id = None

    def execute_job(self, job: Job, queue: Queue) -> None:
        """Run one job here."""
        execution = self.executions[job.run] if isinstance(job, PlainJob) else self.prepare_execution(job)
        self._running = (job, execution, time.monotonic())
        try:
            self.perform_job(job, queue, execution)
        finally:
            self._running = None
            self.recorder.end()
            self.executions.pop(execution.id, None)


class ForkWorker(QctlWorker, Worker):
    """Runs each job in a child: for jobs that may leak, crash, or have to be stopped."""

    def execute_job(self, job: Job, queue: Queue) -> None:
        """Run one job in a child and watch it."""
        self._dead_child = None
        try:
            self._performing = True
            super().execute_job(job, queue)
        except AbortedError:
            self.kill_horse()
            self.wait_for_horse()
            self._persist(lambda: self.claimant.put_back(queue.name, job.id))
            raise
        finally:
            self._performing = False
            # The child ends the first of these: one that is left of a start that broke off would be ended in place
            # of the next job's.
            self.executions.clear()

    def setup_work_horse_signals(self) -> None:
        """The child dies with its parent, however that ends: an orphan would run a job that is given to another."""
        super().setup_work_horse_signals()
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != self.claimant.pid:  # it died before we asked
            os._exit(1)

    def maintain_heartbeats(self, job: Job, execution: Execution) -> None:
        """Renew what RQ's tools look at; the lease thread keeps what matters."""
        try:
            super().maintain_heartbeats(job, execution)
        except RedisError as error:
            log.warning("no heartbeat for job %s: %s", job.id, error)

    def handle_work_horse_killed(self, job: Job, retpid: Any, ret_val: Any, rusage: Any) -> None:
        """Note that the child died under the job, unless it was stopped for running far past its time."""
        ran = (now() - job.started_at).total_seconds() if job.started_at else 0.0
        if not (job.timeout and job.timeout > 0 and ran > job.timeout):
            self._dead_child = job.id
        super().handle_work_horse_killed(job, retpid, ret_val, rusage)

    def handle_job_failure(self, job: Job, queue: Queue, *args: Any, **kwargs: Any) -> None:
        """Write a failure. A child that was killed costs the job no retry; the third time quarantines it."""
        if self._dead_child != job.id:
            super().handle_job_failure(job, queue, *args, **kwargs)
            return
        claim = self.claimant.claim_of(queue.name, job.id)
        if claim is not None:
            outcome = recover(self.connection, queue.name, job.id, claim, by=self.name, own=True)
            told = {"event": "dlq" if outcome == "quarantined" else "recover", "jobId": job.id}
            log.warning("the child that ran job %s died: %s", job.id, outcome, extra=told)
