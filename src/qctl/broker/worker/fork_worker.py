"""Runs jobs in child processes."""

from __future__ import annotations

import ctypes
import logging
import os
import random
import signal
from collections.abc import Sequence
from typing import Any

from redis.exceptions import RedisError
from rq.executions import Execution
from rq.job import Job
from rq.queue import Queue
from rq.utils import now
from rq.worker import Worker

from qctl.broker.worker.base import AbortedError, QctlWorker
from qctl.broker.worker.child_process import Child
from qctl.broker.worker.claim_protocol import Claim, Success
from qctl.broker.worker.execution_record import Recorder
from qctl.broker.worker.fast_path import PlainJob
from qctl.broker.worker.prefetch import Hand
from qctl.broker.worker.recovery import recover

log = logging.getLogger(__name__)

PR_SET_PDEATHSIG = 1
"""linux/prctl.h"""


class ForkWorker(QctlWorker, Worker):
    """Runs jobs in a child: for jobs that may leak, crash, or have to be stopped.

    Plain jobs share a child for a while; every other has one of its own, as RQ does it.
    """

    _child: Child | None = None
    _child_is_old = False
    _answered: Success | None = None

    def execute_job(self, job: Job, queue: Queue) -> None:
        """Run one job in a child and watch it."""
        self._dead_child, self._answered = None, None
        try:
            self._performing = True
            if isinstance(job, PlainJob):
                self._execute_plain(job, queue)
            else:
                self._let_go()
                super().execute_job(job, queue)
        except AbortedError:
            self.kill_horse()
            self.wait_for_horse()
            self._persist(lambda: self.claimant.put_back(queue.name, job.id))
            raise
        finally:
            self._performing = False
            self.recorder.end()
            # The child ends the first of these: one that is left of a start that broke off would be ended in place
            # of the next job's.
            self.executions.clear()

    def allow_jobs(self, patterns: Sequence[str]) -> None:
        """Run what matches these patterns. A child that was forked before knows others."""
        super().allow_jobs(patterns)
        self._child_is_old = True

    def _execute_plain(self, job: PlainJob, queue: Queue) -> None:
        if self._child and (self._child_is_old or self._child.is_worn):
            self._let_go()
        if self._child is None:
            self._child_is_old = False
            self._child = Child(self._prepare_child, self._serve)
        self._horse_pid = self._child.pid
        if self._stopped_job_id == job.id:  # it was, before there was a child to kill
            self.kill_horse()
        self._child.send(job.claim)
        self.monitor_work_horse(job, queue, self.executions[job.run])
        if self._answered is not None:
            self.leave_unwritten(job, self._answered)

    def _prepare_child(self) -> None:
        random.seed()
        self.setup_work_horse_signals()
        self._is_horse = True
        # The lease thread may have held the others' locks.
        self.recorder, self.hand = Recorder(self.connection, self.name), Hand(self.at_once)

    def _serve(self, claim: Claim) -> Success | None:
        """In the child: run a job. Returns its success, None where another end was written."""
        job = self.plain_job(claim)
        job.check()
        job.redis_server_version = self.redis_server_version
        self.perform_job(job, self._queue(claim.queue), self.executions[job.run])
        self.executions.clear()
        return self.take_unwritten()

    def kill_horse(self, *args: Any) -> None:
        """Kill the child that runs a job. Without one RQ's way would be the end of our own group of processes."""
        if self.horse_pid:
            super().kill_horse(*args)

    def wait_for_horse(self) -> tuple[int | None, int | None, Any]:
        """Wait until the child has done with its job, or is gone."""
        if self._child is None:
            return super().wait_for_horse()
        self._answered, status = self._child.answer()
        if status:
            pid, self._child = self._child.pid, None
            return pid, status, None
        return self._child.pid, 0, None

    def _let_go(self) -> None:
        """Let the child go that waits for jobs."""
        if self._child is not None:
            self._child.end()
            self._child = None

    def _leave(self, registered: bool) -> None:
        self._let_go()
        super()._leave(registered)

    def setup_work_horse_signals(self) -> None:
        """The child dies with its parent, however that ends: an orphan would run a job that is given to another."""
        super().setup_work_horse_signals()
        self.show_life = lambda: None  # a supervisor listens to the worker alone
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != self.claimant.pid:  # it died before we asked
            os._exit(1)

    def maintain_heartbeats(self, job: Job, execution: Execution) -> None:
        """Renew what RQ's tools look at; the lease thread keeps what matters. A child that runs far past its time is
        killed in the loop that calls this."""
        self.show_life()
        try:
            super().maintain_heartbeats(job, execution)
        except RedisError as error:
            log.warning("no heartbeat for job %s: %s", job.id, error)
        self.show_life()  # Redis may have taken its time

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
