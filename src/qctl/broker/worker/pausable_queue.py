"""A queue class for workers: it claims by script, so that a pause works at once and a crash loses nothing.

A stock worker may use it: `rq worker --queue-class qctl.PausableQueue`.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable

from redis import Redis
from redis.client import Pipeline
from rq.exceptions import DequeueTimeout
from rq.job import Job
from rq.queue import Queue
from rq.serializers import Serializer
from rq.timeouts import BaseDeathPenalty

from qctl.broker.redis import job_fields, keys
from qctl.broker.redis.scripts import Script
from qctl.broker.worker.claims import Claimant
from qctl.broker.worker.job_loader import restore

log = logging.getLogger(__name__)

MAX_KEPT_DEPENDENTS = 1000
"""Dependents that an ended job keeps the ids of."""

_release = Script("worker/release", after="worker/claimed")
_keep_dependents = Script("worker/keep_dependents")


class PausableQueue(Queue):
    """A queue whose jobs are claimed, not popped.

    A stock worker runs one job at a time, so when it asks for the next it has finished the one before, whose claim is
    removed then. While its process lives, a thread renews the lease on it.
    """

    _claimant: Claimant | None = None
    _finished: tuple[str, str] | None = None
    """Queue and id of the job whose claim is to be removed."""

    @classmethod
    def dequeue_any(
        cls,
        queues: Iterable[Queue],
        timeout: int | None,
        connection: Redis,
        job_class: type[Job] | None = None,
        serializer: Serializer | str | None = None,
        death_penalty_class: type[BaseDeathPenalty] | None = None,  # noqa: ARG003 - RQ passes it
    ) -> tuple[Job, Queue] | None:
        """The next job and its queue; None, or DequeueTimeout after a wait of `timeout` seconds, if there is none.

        A job that cannot be read is quarantined, and the next one taken. A `timeout` of 0 raises ValueError, as in RQ:
        Redis would wait for ever.
        """
        if timeout == 0:
            raise ValueError("a timeout of 0 is not allowed: give seconds, or None not to wait")
        listed = list(queues)
        claimant = cls._of_this_process(connection)
        cls._release_finished(connection, claimant)
        while claim := claimant.claim([queue.name for queue in listed], timeout):
            try:
                job = restore(claim, job_class or cls.job_class, connection, serializer)
            except Exception as error:  # noqa: BLE001 - a corrupt hash may raise anything; it must not stop the worker
                reason = f"it cannot be read: {type(error).__name__}: {error}"
                log.warning("quarantined job %s of %s: %s", claim.job_id, claim.queue, reason)
                claimant.quarantine(claim.queue, claim.job_id, reason)
                continue
            PausableQueue._finished = (claim.queue, claim.job_id)
            return job, next(queue for queue in listed if queue.name == claim.queue)
        if timeout is None:
            return None
        raise DequeueTimeout(timeout, [queue.key for queue in listed])

    @classmethod
    def _of_this_process(cls, connection: Redis) -> Claimant:
        claimant = PausableQueue._claimant
        if claimant is None or claimant.pid != os.getpid():
            claimant = PausableQueue._claimant = Claimant(connection)
            claimant.lease.start()
        return claimant

    @classmethod
    def _release_finished(cls, connection: Redis, claimant: Claimant) -> None:
        """Remove the claim on the job that this process has finished, unless another has taken the job meanwhile."""
        if PausableQueue._finished is None:
            return
        queue, job_id = PausableQueue._finished
        _release(
            connection,
            intermediate=keys.intermediate(queue),
            claims=keys.claims(queue),
            recoveries=keys.recoveries(queue),
            job_id=job_id,
            claimant=claimant.name,
        )
        PausableQueue._finished = None

    def move_dependents_to_ready(
        self,
        job: Job,
        pipeline: Pipeline | None = None,
        exclude_job_id: str | None = None,
        refresh_job_status: bool = True,
    ) -> dict[str, list[str]]:
        """Move the jobs that waited for one that has ended, as RQ does, and keep their ids with it.

        RQ deletes them, so that nobody could see of a flow what followed a job that has ended.
        """
        ready = super().move_dependents_to_ready(job, pipeline, exclude_job_id, refresh_job_status)
        ids = [id_ for listed in ready.values() for id_ in listed]
        if ids:
            values = {
                "job": keys.job(job.id),
                "field": job_fields.DEPENDENTS,
                "max_ids": MAX_KEPT_DEPENDENTS,
                "ids": ids[:MAX_KEPT_DEPENDENTS],
            }
            if pipeline is None:
                _keep_dependents(self.connection, **values)
            else:
                _keep_dependents.stage(pipeline, **values)
        return ready
