"""qctl's worker: RQ's worker, with the hooks that RQ calls, around a claim loop and a runner.

It differs from RQ's own workers: jobs are claimed by script (`claim_loop.py`), a job starts only while its claim
exists, dead workers are recovered from instead of RQ's maintenance, a job that must not run is quarantined instead of
stopping the worker, a sink that is down costs no retry, and Redis may go away at any moment.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from typing import Any, Literal, cast

from redis import Redis
from redis.client import Pipeline
from redis.exceptions import RedisError
from rq.executions import Execution
from rq.job import Job, JobStatus, Retry
from rq.job_lifecycle import call_exception_handlers
from rq.queue import Queue
from rq.serializers import JSONSerializer
from rq.worker import Worker

from qctl.broker.bookkeeping import dead_letter_index
from qctl.broker.redis.connection import TRANSIENT_ERRORS
from qctl.broker.worker import end_transaction
from qctl.broker.worker.claim_loop import ClaimLoop
from qctl.broker.worker.claims import Claimant
from qctl.broker.worker.fork_runner import ForkRunner
from qctl.broker.worker.guarded_job import GuardedJob
from qctl.broker.worker.inline_runner import InlineRunner, mark_started
from qctl.broker.worker.job_loader import JobLoader
from qctl.broker.worker.job_log import JobLog
from qctl.broker.worker.outcomes import Outcomes
from qctl.broker.worker.pausable_queue import PausableQueue
from qctl.broker.worker.prefetch import Prefetch
from qctl.broker.worker.stop_job import JobStopper
from qctl.broker.worker.worker_record import WORKER_TTL_SECONDS
from qctl.errors import ClaimLostError
from qctl.settings import Settings

log = logging.getLogger(__name__)

Isolation = Literal["inline", "fork"]
"""The process that runs the jobs: the worker's own, or children."""


class QctlWorker(Worker):
    """A worker of these queues, in this order. Build it, then call `work`; nothing is sent before.

    It owns the parts that do the work; its methods are the daemon's interface and RQ's hooks.
    """

    queue_class = PausableQueue
    job_class = GuardedJob
    log_result_lifespan = False

    def __init__(self, queues: Sequence[str], connection: Redis, settings: Settings, isolation: Isolation) -> None:
        self.claimant = Claimant(connection, fast_path=True)
        self.jobs = JobLoader(connection, self.claimant.name, settings)
        prefetch = Prefetch(connection, self.claimant)
        self.outcomes = Outcomes(self, self.claimant, before_put_back=prefetch.give_back)
        self.job_log = JobLog(settings.job_log_lines, settings.job_log_bytes)
        parts = (self, self.claimant, self.outcomes)
        self._fork_runner = ForkRunner(*parts, self.jobs, self.job_log) if isolation == "fork" else None
        self.runner: InlineRunner | ForkRunner = self._fork_runner or InlineRunner(
            *parts, self.job_log, stopper=JobStopper()
        )
        self.loop = ClaimLoop(
            self,
            connection,
            queues,
            claimant=self.claimant,
            prefetch=prefetch,
            outcomes=self.outcomes,
            jobs=self.jobs,
            runner=self.runner,
        )
        self._failure: str | None = None
        """The traceback of a failure of which RQ keeps no result, while it is written."""
        self._is_success = False
        """True while a success is written: the status of a repeating job does not show it."""
        super().__init__(
            list(queues),
            name=self.claimant.name,
            connection=connection,
            serializer=JSONSerializer,
            worker_ttl=WORKER_TTL_SECONDS,
            log_job_description=False,
            prepare_for_work=False,
        )
        self.job_class = self.jobs.job_class

    # --- the daemon's interface ---------------------------------------------------------------------------------

    def work(  # type: ignore[override]  # RQ's scheduler and logging options have no meaning here
        self,
        burst: bool = False,
        max_jobs: int | None = None,
        beat: Callable[[], None] = lambda: None,
        allow: Callable[[float], None] = lambda _: None,
    ) -> bool:
        """Run jobs until `request_drain`, or with `burst` until there are none. Returns whether any ran.

        `beat` is called at least every few seconds between jobs. If a long job prevents that, another thread calls
        `allow` with the seconds that the job may still take. Redis may be away, at the start too: the worker waits.
        """
        self.job_log.install()
        try:
            return self.loop.run(burst, max_jobs, beat, allow)
        finally:
            self.job_log.uninstall()

    def allow_jobs(self, patterns: Sequence[str]) -> None:
        """Allow functions that match these patterns, besides the catalog and declared jobs, from the next job on."""
        self.jobs.allow(patterns)
        self.job_class = self.jobs.job_class

    def request_drain(self) -> None:
        """Finish the running job, claim nothing new, return from `work`."""
        self.loop.is_draining = True

    def request_abort(self) -> None:
        """Stop the running job and give it back. Call it in the main thread, from a signal handler."""
        self.request_drain()
        self.runner.abort()

    # --- RQ's hooks: connection and commands --------------------------------------------------------------------

    @property
    def dequeue_timeout(self) -> int:
        """Seconds. RQ derives the socket's time-out from it, and a short one notices a dead connection."""
        return 1

    def _pubsub_exception_handler(self, exc: Exception, *_: Any) -> None:
        """Keep the thread that listens for commands alive after any error: without it no job can be stopped."""
        if isinstance(exc, TRANSIENT_ERRORS):
            log.debug("the command channel is away: %s", exc)
        else:
            log.warning("the command channel is away: %s: %s", type(exc).__name__, exc)
        time.sleep(2.0)

    def kill_horse(self, *args: Any) -> None:
        """Stop the job that runs."""
        self.runner.kill(*args)

    # --- RQ's hooks: a run --------------------------------------------------------------------------------------

    def execute_job(self, job: Job, queue: Queue) -> None:
        """Run a claimed job and write its end."""
        self.loop.execute(job, queue)

    def prepare_job_execution(self, job: Job, *_: Any) -> None:
        """Mark a claimed job as started. Raises ClaimLostError if its claim is gone."""
        mark_started(self.claimant, job)

    def perform_job(self, job: Job, queue: Queue, execution: Execution) -> bool:
        """Run a job in this process; RQ calls it in a child. True if it succeeded."""
        return self.runner.perform(job, queue, execution) is not None or job._status == JobStatus.FINISHED

    def setup_work_horse_signals(self) -> None:
        """Prepare a new child."""
        super().setup_work_horse_signals()
        if self._fork_runner:
            self._fork_runner.enter_child()

    def wait_for_horse(self) -> tuple[int | None, int | None, Any]:
        """Wait until the child has finished its job, or is gone."""
        return self._fork_runner.wait() if self._fork_runner else (None, None, None)

    def maintain_heartbeats(self, job: Job, execution: Execution) -> None:
        """Renew the heartbeats that RQ's tools read, while RQ watches a child; the lease thread renews the lease.

        An error must not end the loop that calls this, because it kills a child that runs far past its time.
        """
        self.outcomes.beat()
        try:
            super().maintain_heartbeats(job, execution)
        except RedisError as error:
            log.warning("no heartbeat for job %s: %s", job.id, error)
        self.outcomes.beat()  # Redis may have been slow

    def handle_work_horse_killed(self, job: Job, retpid: Any, ret_val: Any, rusage: Any) -> None:
        """Note that the child died under the job."""
        if self._fork_runner:
            self._fork_runner.note_death(job)
        super().handle_work_horse_killed(job, retpid, ret_val, rusage)

    # --- RQ's hooks: the end of a run ---------------------------------------------------------------------------

    def handle_exception(self, job: Job, *exc_info: Any) -> None:
        """Log a failed attempt in one line; its traceback is kept with the job."""
        end_transaction.log_exception(job, *exc_info)
        call_exception_handlers(self._exc_handlers, job, *exc_info)

    def handle_job_success(self, job: Job, queue: Queue, started_job_registry: Any, execution: Execution) -> None:
        """Write a success; a batch drops its items."""
        if isinstance(job, GuardedJob):
            job.drop_items()
        self._is_success = True
        try:
            super().handle_job_success(job, queue, started_job_registry, execution)
        finally:
            self._is_success = False

    def cleanup_execution(  # type: ignore[override]  # a worker of ours makes no other jobs
        self, job: GuardedJob, pipeline: Pipeline, execution: Execution | None = None
    ) -> None:
        """Remove the execution and the claim, in every transaction that ends a run. Raises ClaimLostError.

        The claim is checked here, because RQ begins the transaction again if redis-py raises WatchError, which it also
        does if only the reply was lost.
        """
        if self.claimant.claim_of(job.origin, job.id) is None:
            raise ClaimLostError(f"job {job.id} has ended before, or was given to another worker")
        super().cleanup_execution(job, pipeline, execution)
        self.job_log.stage(pipeline, job, execution, self._failure, self.name)
        end_transaction.add_end(pipeline, job, self.name, is_success=self._is_success)

    def handle_job_failure(
        self,
        job: Job,
        queue: Queue,
        started_job_registry: Any = None,
        exc_string: str = "",
        execution: Execution | None = None,
    ) -> None:
        """Write a failure. A child that was killed costs the job no retry; the third time quarantines it."""
        if self._fork_runner and self._fork_runner.recover_from_death(job, queue):
            return
        text = end_transaction.escape_surrogates(exc_string)
        self._failure = text if job.should_retry and self._stopped_job_id != job.id else None
        try:
            super().handle_job_failure(job, queue, started_job_registry, text, execution)
        finally:
            self._failure = None
        end_transaction.log_follow_up(job)

    def handle_job_retry(
        self, job: Job, queue: Queue, retry: Retry, started_job_registry: Any, execution: Execution
    ) -> None:
        """Write that a job returned a Retry; one that has used them all up is a dead letter."""
        if job.number_of_retries and job.number_of_retries >= retry.max:
            job.failure_ttl = dead_letter_index.NEVER_EXPIRES_TTL if job.failure_ttl is None else job.failure_ttl
            with self.connection.pipeline() as pipe:
                cast(GuardedJob, job).add_dead_letter(pipe, f"asked for more than {retry.max} retries")
                pipe.execute()
        super().handle_job_retry(job, queue, retry, started_job_registry, execution)
        end_transaction.log_follow_up(job)
