"""Makes job objects from claims."""

from __future__ import annotations

from collections.abc import Sequence

from redis import Redis
from rq.job import Job
from rq.serializers import JSONSerializer, Serializer

from qctl import catalog
from qctl.broker.worker.claim_request import Claim
from qctl.broker.worker.fast_path import FastPathJob, fast_path_class
from qctl.broker.worker.guarded_job import GuardedJob, guarded_class
from qctl.settings import Settings


def restore(claim: Claim, job_class: type[Job], connection: Redis, serializer: Serializer | str | None) -> Job:
    """The job of a claim, made from the hash that came with it. Raises any error of parsing it."""
    if claim.fields is None:
        raise ValueError(claim.problem)
    job = job_class(claim.job_id, connection=connection, serializer=serializer)
    job.restore(claim.fields)
    job.origin = claim.queue
    return job


class JobLoader:
    """Makes jobs for one worker, which may run jobs of the catalog, declared jobs, and functions that match
    QCTL_ALLOWED_JOBS."""

    def __init__(self, connection: Redis, worker_name: str, settings: Settings) -> None:
        self._redis = connection
        self._worker_name = worker_name
        self._declared = [spec.handler for spec in catalog.jobs(settings.jobs_modules).values()]
        self.serializer: Serializer | str | None = JSONSerializer
        self._webhooks = settings.alert_webhooks
        self.allow(settings.allowed_jobs)

    def allow(self, patterns: Sequence[str]) -> None:
        """Allow functions that match these patterns, from the next job on."""
        self.job_class = guarded_class((*patterns, *self._declared), self._webhooks)
        self._fast_path_class = fast_path_class(self.job_class)

    def load(self, claim: Claim) -> GuardedJob:
        """The job of a claim. Raises JobError if it must not run, and any error of parsing it."""
        job: GuardedJob
        if claim.execution_id:
            job = self.load_fast_path(claim)
        else:
            job = restore(claim, self.job_class, self._redis, self.serializer)  # type: ignore[assignment]
        job.check()
        return job

    def load_fast_path(self, claim: Claim) -> FastPathJob:
        """The job of a claim that came started. Raises ValueError if it cannot be parsed."""
        return self._fast_path_class(claim, self._worker_name, self._redis)
