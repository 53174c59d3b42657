"""Runs jobs in the worker's own process."""

from __future__ import annotations

import logging
import time
from contextlib import AbstractContextManager
from typing import Any

from rq.executions import Execution
from rq.job import Job
from rq.queue import Queue

from qctl.broker.worker.base import QctlWorker
from qctl.broker.worker.fast_path import PlainJob
from qctl.broker.worker.prefetch import MOST
from qctl.broker.worker.stop_job import Stoppable

log = logging.getLogger(__name__)

LONG = 1.0
"""Seconds after which a job is one that a supervisor hears of. Shorter than any watchdog."""

FOR_EVER = 3e8
"""Seconds that a job without a time-out may take: ten years."""


class InlineWorker(QctlWorker):
    """Runs jobs in its own process: for short jobs whose code is trusted not to crash the interpreter."""

    at_once = MOST

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._stoppable = Stoppable()
        self._known_long: Execution | None = None

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
        began = time.monotonic()
        self._running = (job, execution, began)
        try:
            self.perform_job(job, queue, execution)
        finally:
            self._running = None
            self.hand.ran(queue.name, time.monotonic() - began)
            self.recorder.end()
            self.executions.pop(execution.id, None)

    def _glance(self) -> None:
        self._ask_for_time()  # first: it needs no Redis
        super()._glance()

    def _ask_for_time(self) -> None:
        """Have the supervisor wait for the job that runs, once it has lasted: the loop stands still meanwhile."""
        job, execution, began = self._running or (None, None, 0.0)
        ran = time.monotonic() - began
        if job is None or execution is self._known_long or ran < LONG:
            return
        self._known_long = execution
        seconds = job.timeout or Queue.DEFAULT_TIMEOUT
        self._allow(seconds - ran if seconds > 0 else FOR_EVER)
