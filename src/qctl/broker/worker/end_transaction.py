"""Adds qctl's commands to RQ's transactions that end a run, and logs their results."""

from __future__ import annotations

import logging
import traceback
from typing import Any

from redis.client import Pipeline
from rq.job import Job, JobStatus

from qctl.broker.bookkeeping import counters, events
from qctl.broker.redis import keys
from qctl.broker.worker.guarded_job import BATCH_HANDLERS, GuardedJob

log = logging.getLogger(__name__)


def add_end(pipe: Pipeline, job: GuardedJob, worker_name: str, *, is_success: bool) -> None:
    """Remove the claim, count the run, and record a success as an event."""
    pipe.hdel(keys.claims(job.origin), job.id)
    pipe.hdel(keys.recoveries(job.origin), job.id)
    if job.prefetched:
        pipe.lrem(keys.intermediate(job.origin), 1, job.id)
    counters.record_run(pipe, job.origin, job.label, failed=not is_success, waited=job.waited, ran=job.ran)
    if not is_success:
        job.record_omitted_callback(pipe, "failure", job._failure_callback_name)
        return
    job.record_omitted_callback(pipe, "success", job._success_callback_name)
    if job.func_name in BATCH_HANDLERS:
        pipe.hdel(keys.BREAKERS, job.origin)
    events.record(pipe, "finished", queue=job.origin, job=job.id, trace=job.trace, worker=worker_name, ms=job.run_ms)


def log_exception(job: Job, *exc_info: Any) -> None:
    """Log a failed attempt in one line; its traceback is kept with the job."""
    if exc_info[0] is not None:
        problem = "".join(traceback.format_exception_only(exc_info[0], exc_info[1])).strip()
        log.warning("job %s of %s failed: %s", job.id, job.origin, escape_surrogates(problem), extra={"event": "fail"})
        log.debug("job %s", job.id, exc_info=(exc_info[0], exc_info[1], exc_info[2]))


def log_follow_up(job: Job) -> None:
    """Log whether a job whose failure is written is tried again, or is a dead letter now."""
    extra: dict[str, str | None] = {"jobId": job.id}
    if isinstance(job, GuardedJob):
        extra |= {"traceId": job.trace, "userId": job.owner}
    if job._status in (JobStatus.SCHEDULED, JobStatus.QUEUED):
        log.info("job %s of %s is tried again", job.id, job.origin, extra={"event": "retry", **extra})
    elif job._status == JobStatus.FAILED:
        log.error("job %s of %s is a dead letter", job.id, job.origin, extra={"event": "dlq", **extra})


def escape_surrogates(text: str) -> str:
    """Text that UTF-8 can encode: lone surrogates are escaped."""
    return text.encode(errors="backslashreplace").decode()
