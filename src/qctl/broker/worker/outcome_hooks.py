"""How the end of a run is written: RQ's own transactions, with what is ours added to the same ones."""

from __future__ import annotations

import logging
import traceback
from typing import Any, cast

from redis.client import Pipeline
from rq.executions import Execution
from rq.job import Job, JobStatus, Retry
from rq.job_lifecycle import call_exception_handlers
from rq.queue import Queue
from rq.worker import BaseWorker

from qctl.broker.bookkeeping import counters, dead_letter_index, events
from qctl.broker.redis import keys
from qctl.broker.worker.claims import Claimant
from qctl.broker.worker.guarded_job import BATCH_HANDLERS, GuardedJob
from qctl.errors import ClaimLostError

log = logging.getLogger(__name__)


class EndingWorker(BaseWorker):
    """The hooks of RQ's that write how a job ended. `QctlWorker` stands on it."""

    claimant: Claimant
    _succeeded = False
    """Whether the end being written is a success: the status of a job that repeats does not tell."""

    def handle_exception(self, job: Job, *exc_info: Any) -> None:
        """Tell of a failed attempt in one line; its traceback is kept with the job."""
        if exc_info[0] is not None:
            problem = "".join(traceback.format_exception_only(exc_info[0], exc_info[1])).strip()
            log.warning("job %s of %s failed: %s", job.id, job.origin, _spelled(problem), extra={"event": "fail"})
            log.debug("job %s", job.id, exc_info=(exc_info[0], exc_info[1], exc_info[2]))
        call_exception_handlers(self._exc_handlers, job, *exc_info)

    def handle_job_success(self, job: Job, queue: Queue, started_job_registry: Any, execution: Execution) -> None:
        """Write a success; a batch lets go of its items."""
        if isinstance(job, GuardedJob):
            job.drop_items()
        self._succeeded = True
        try:
            super().handle_job_success(job, queue, started_job_registry, execution)
        finally:
            self._succeeded = False

    def cleanup_execution(  # type: ignore[override]  # a worker of ours makes no other jobs
        self, job: GuardedJob, pipeline: Pipeline, execution: Execution | None = None
    ) -> None:
        """Remove the execution and the claim, and tell of a success. Called in every transaction that ends a run.

        Raises ClaimLostError where the job is no longer ours. It is asked here, because RQ begins the transaction
        again where redis-py says WatchError, and it also says so where only the reply was lost.
        """
        if self.claimant.claim_of(job.origin, job.id) is None:
            raise ClaimLostError(f"job {job.id} has ended before, or was given to another worker")
        super().cleanup_execution(job, pipeline, execution)
        pipeline.hdel(keys.claims(job.origin), job.id)
        pipeline.hdel(keys.recoveries(job.origin), job.id)
        if job.held:
            pipeline.lrem(keys.intermediate(job.origin), 1, job.id)
        failed = not self._succeeded
        counters.record_run(pipeline, job.origin, job.label, failed=failed, waited=job.waited, ran=job.ran)
        if failed:
            return
        if job.func_name in BATCH_HANDLERS:
            pipeline.hdel(keys.BREAKERS, job.origin)
        events.record(
            pipeline, "finished", queue=job.origin, job=job.id, trace=job.trace, worker=self.name, ms=job.run_ms
        )

    def handle_job_failure(
        self,
        job: Job,
        queue: Queue,
        started_job_registry: Any = None,
        exc_string: str = "",
        execution: Execution | None = None,
    ) -> None:
        """Write a failure. Its text may hold what UTF-8 cannot: that is spelled out, and no failure of its own."""
        super().handle_job_failure(job, queue, started_job_registry, _spelled(exc_string), execution)
        _tell_what_follows(job)

    def handle_job_retry(
        self, job: Job, queue: Queue, retry: Retry, started_job_registry: Any, execution: Execution
    ) -> None:
        """Write down a job that returned a Retry; one that has used them all up is a dead letter."""
        if job.number_of_retries and job.number_of_retries >= retry.max:
            job.failure_ttl = dead_letter_index.NEVER_EXPIRES_TTL if job.failure_ttl is None else job.failure_ttl
            with self.connection.pipeline() as pipe:
                cast(GuardedJob, job).tell_dead(pipe, f"asked for more than {retry.max} retries")
                pipe.execute()
        super().handle_job_retry(job, queue, retry, started_job_registry, execution)
        _tell_what_follows(job)


def _tell_what_follows(job: Job) -> None:
    """Whether a job whose failure is written is tried again, or waits for a person now."""
    told: dict[str, str | None] = {"jobId": job.id}
    if isinstance(job, GuardedJob):
        told |= {"traceId": job.trace, "userId": job.owner}
    if job._status in (JobStatus.SCHEDULED, JobStatus.QUEUED):
        log.info("job %s of %s is tried again", job.id, job.origin, extra={"event": "retry", **told})
    elif job._status == JobStatus.FAILED:
        log.error("job %s of %s is a dead letter", job.id, job.origin, extra={"event": "dlq", **told})


def _spelled(text: str) -> str:
    """Text as UTF-8 can say it: a lone surrogate is spelled out."""
    return text.encode(errors="backslashreplace").decode()
