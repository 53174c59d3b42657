"""Runs jobs in child processes: for jobs that may leak, crash, or have to be stopped."""

from __future__ import annotations

import ctypes
import logging
import os
import random
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from redis.client import Pipeline
from rq.executions import Execution
from rq.job import Job
from rq.queue import Queue
from rq.utils import now
from rq.worker import Worker, WorkerStatus

from qctl.broker.worker.child_process import ChildProcess
from qctl.broker.worker.claim_request import Claim, EndedJob, JobEnd
from qctl.broker.worker.claims import Claimant, Trip
from qctl.broker.worker.fast_path import FastPathJob
from qctl.broker.worker.inline_runner import InlineRunner
from qctl.broker.worker.job_loader import JobLoader
from qctl.broker.worker.job_log import JobLog
from qctl.broker.worker.outcomes import Outcomes
from qctl.broker.worker.prefetch import MAX_PREFETCH_JOBS
from qctl.broker.worker.recovery import recover
from qctl.broker.worker.stop_job import AbortedError

log = logging.getLogger(__name__)

PR_SET_PDEATHSIG = 1
"""linux/prctl.h"""


@dataclass(frozen=True)
class _PutBack:
    """A child's answer: its job goes back to the queue, with this trip of the breaker."""

    trip: Trip | None


class _KeptChildOutcomes(Outcomes):
    """The ends of runs in the kept child. The worker puts a job back, because it holds those that go back before it."""

    _put_back: _PutBack | None = None

    def put_back(self, job: Job, queue: Queue, trip: Trip | None = None) -> None:  # noqa: ARG002 - the worker knows
        """Keep it for the answer."""
        self._put_back = _PutBack(trip)

    def take_put_back(self) -> _PutBack | None:
        """The put-back of the last job, if it goes back."""
        put_back, self._put_back = self._put_back, None
        return put_back


class ForkRunner:
    """Runs jobs in children. Fast-path jobs share a child for a while; every other job has its own, as RQ does it."""

    max_prefetch_jobs = MAX_PREFETCH_JOBS

    def __init__(self, rq: Worker, claimant: Claimant, outcomes: Outcomes, jobs: JobLoader, job_log: JobLog) -> None:
        self._rq = rq
        self._claimant = claimant
        self._outcomes = outcomes
        self._jobs = jobs
        self._log = job_log
        self._lock = threading.Lock()
        self._running_id = ""
        self._is_running = False
        self._is_killed = False
        """True if the kept child was killed: its last answer may have arrived before that."""
        self._child: ChildProcess | None = None
        self._child_job_class: type[Job] | None = None
        self._answer: tuple[Any, ...] | _PutBack | None = None
        self._died_under: str | None = None
        self._inside: InlineRunner | None = None
        """The runner in a child."""
        self._kept_outcomes: _KeptChildOutcomes | None = None
        """In the kept child."""

    # --- one job ------------------------------------------------------------------------------------------------

    def run(self, job: Job, queue: Queue, execution: Execution) -> JobEnd | None:
        """Run a job in a child. Returns the end of a fast-path job that succeeded; other ends have been written."""
        self._died_under, self._answer = None, None
        try:
            self._is_running = True
            if isinstance(job, FastPathJob):
                return self._run_in_kept_child(job, queue, execution)
            self.close()
            self._rq.fork_work_horse(job, queue)
            self._note_running(job.id, self._rq.horse_pid)
            self._rq.monitor_work_horse(job, queue, execution)
            self._rq.set_state(WorkerStatus.IDLE)
            return None
        except AbortedError:
            self.kill()
            self.wait()
            self._outcomes.put_back(job, queue)
            raise
        finally:
            self._is_running = False
            self._note_running("", 0)
            self._drop_stop(job.id)

    def _run_in_kept_child(self, job: FastPathJob, queue: Queue, execution: Execution) -> JobEnd | None:
        child = self._open_child()
        self._note_running(job.id, child.pid)
        if self._rq._stopped_job_id == job.id:  # it was stopped before there was a child to kill
            self.kill()
        child.send(tuple(job.claim))
        has_answer, self._answer = child.receive()
        if not has_answer:
            self._rq.monitor_work_horse(job, queue, execution)
        if isinstance(self._answer, _PutBack):
            self._outcomes.put_back(job, queue, self._answer.trip)
            return None
        return _unpack(self._answer) if self._answer else None

    def _open_child(self) -> ChildProcess:
        """The kept child, or a new one if that one must be replaced, was killed, or allows other jobs."""
        is_current = self._child_job_class is self._jobs.job_class
        if self._child and (self._is_killed or self._child.is_worn or not is_current):
            self.close()
        if self._child is None:
            self._child_job_class, self._is_killed = self._jobs.job_class, False
            self._child = ChildProcess(self._prepare_child, self._serve)
        return self._child

    def _note_running(self, job_id: str, pid: int) -> None:
        """Note which process runs which job: a stop names the job, and must not kill the process under the next one."""
        with self._lock:
            self._running_id = job_id
            self._rq._horse_pid = pid

    def _drop_stop(self, job_id: str) -> None:
        """Drop a stop that came when the run had ended: the job's next run goes on."""
        with self._lock:
            if self._rq._stopped_job_id == job_id:
                self._rq._stopped_job_id = None

    def wait(self) -> tuple[int | None, int | None, Any]:
        """Wait until the child has finished its job, or is gone. RQ calls it while it watches the child."""
        if self._child is None:
            return Worker.wait_for_horse(self._rq)
        self._answer, status = self._child.wait()
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
        outcomes = self._kept_outcomes or Outcomes(self._rq, self._claimant)
        self._inside = InlineRunner(self._rq, self._claimant, outcomes, self._log)
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != self._claimant.pid:  # the parent died before the call
            os._exit(1)

    def _prepare_child(self) -> None:
        random.seed()
        self._kept_outcomes = _KeptChildOutcomes(self._rq, self._claimant)
        self._rq.setup_work_horse_signals()
        self._rq._is_horse = True

    def _serve(self, task: tuple[Any, ...]) -> tuple[Any, ...] | _PutBack | None:
        """Run a fast-path job. Returns the end of a success or a put-back, None if another end was written."""
        claim = Claim(*task)
        job = self._jobs.load_fast_path(claim)
        job.check()
        job.redis_server_version = self._rq.redis_server_version
        execution = Execution(claim.execution_id, claim.job_id, self._rq.connection, self._rq.name)
        self._rq.executions[execution.id] = execution
        queue = next(queue for queue in self._rq.queues if queue.name == claim.queue)
        try:
            end = self.perform(job, queue, execution)
            if end is not None:
                return _pack(end)
            return self._kept_outcomes.take_put_back() if self._kept_outcomes else None
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
        """Kill the child that runs a job. If there is none, RQ's own method would kill our process group.

        A job that is to be stopped may have ended since, and another begun: that one goes on.
        """
        with self._lock:
            is_over = self._running_id and self._rq._stopped_job_id not in (None, self._running_id)
            if is_over and threading.current_thread() is not threading.main_thread():
                self._rq._stopped_job_id = None
            elif self._rq.horse_pid:
                self._is_killed = True
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
            return [self._rq.horse_pid] if self._rq.horse_pid else []

    def announce_long_run(self, allow: Callable[[float], None]) -> None:
        """Do nothing: the main loop sends heartbeats while it watches the child."""

    def renew_run(self, pipe: Pipeline) -> None:
        """Do nothing: RQ renews the heartbeat of a run while it watches the child."""


def _pack(end: JobEnd) -> tuple[Any, ...]:
    """An end as plain values, which take a third of the time to send."""
    return tuple(end.row), *end[1:]


def _unpack(values: tuple[Any, ...]) -> JobEnd:
    """The end that was packed."""
    row, *rest = values
    return JobEnd(EndedJob(*row), *rest)
