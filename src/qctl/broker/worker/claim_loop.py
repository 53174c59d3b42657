"""The main loop of a worker: claims a job, runs it, and writes its end with the next claim.

A job passes through `_next_claim`, `_load`, `execute`, and the runner's `run`; `_queue_end` keeps a fast-path job's
success for the next claim request. The lease thread calls `_renew` and `_poll`; objects that both threads use do their
own locking.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from typing import Protocol

from redis import Redis
from redis.client import Pipeline
from redis.exceptions import RedisError
from rq.executions import Execution
from rq.job import Job
from rq.queue import Queue
from rq.worker import BaseWorker, WorkerStatus

from qctl.broker.bookkeeping.data_identity import DataWatch
from qctl.broker.redis.connection import Backoff, explain, is_temporary
from qctl.broker.redis.outage import Outage
from qctl.broker.worker import fast_path, job_log, standard_modules
from qctl.broker.worker.claim_request import Claim, JobEnd, UnwrittenEndsError
from qctl.broker.worker.claims import Claimant
from qctl.broker.worker.fast_path import FastPathJob
from qctl.broker.worker.guarded_job import GuardedJob
from qctl.broker.worker.job_loader import JobLoader
from qctl.broker.worker.lease import POLL_SECONDS
from qctl.broker.worker.outcomes import Outcomes
from qctl.broker.worker.prefetch import MAX_WAIT_SECONDS, PendingEnd, Prefetch, PrefetchLimits
from qctl.broker.worker.recovery import Recoverer
from qctl.broker.worker.run_record import RunRecord
from qctl.broker.worker.stop_job import AbortedError
from qctl.broker.worker.worker_record import WorkerRecord
from qctl.errors import JobError

log = logging.getLogger(__name__)

CLAIM_TIMEOUT_SECONDS = 2.0
"""Time (s) that a claim waits for a job, before the loop sends its next heartbeat."""


class Runner(Protocol):
    """Runs one job at a time: `InlineRunner` or `ForkRunner`."""

    max_prefetch_jobs: int

    def run(self, job: Job, queue: Queue, execution: Execution) -> JobEnd | None:
        """Run a job. Returns the end of a fast-path job that succeeded; every other end has been written."""

    def close(self) -> None:
        """Release all resources that are kept between jobs."""

    def child_pids(self) -> list[int]:
        """In the lease thread: the processes that run jobs beside this one."""

    def announce_long_run(self, allow: Callable[[float], None]) -> None:
        """In the lease thread: call `allow` with the seconds that a job may still take, if the loop cannot send
        heartbeats."""

    def renew_run(self, pipe: Pipeline) -> None:
        """In the lease thread: renew RQ's heartbeat of a run that lasts."""


class ClaimLoop:
    """Claims jobs for one worker and has `runner` run them. RQ's worker `rq` writes RQ's records."""

    def __init__(
        self,
        rq: BaseWorker,
        connection: Redis,
        queues: Sequence[str],
        *,
        claimant: Claimant,
        prefetch: Prefetch,
        outcomes: Outcomes,
        jobs: JobLoader,
        runner: Runner,
    ) -> None:
        self._rq = rq
        self._redis = connection
        self._names = list(queues)
        self._claimant = claimant
        self._prefetch = prefetch
        self._outcomes = outcomes
        self._jobs = jobs
        self._runner = runner
        self.limits = PrefetchLimits(runner.max_prefetch_jobs)
        self._worker_record = WorkerRecord(rq, connection)
        self._run_record = RunRecord(connection, claimant.name)
        self._recoverer = Recoverer(connection, claimant.name, queues)
        self._watch = DataWatch(connection, claimant.name)
        self._outage, self._backoff = Outage(log, "no jobs are claimed"), Backoff()
        self.is_draining = False
        """True once no new job may be claimed."""

    def run(self, burst: bool, max_jobs: int | None, beat: Callable[[], None], allow: Callable[[float], None]) -> bool:
        """Run jobs until `is_draining`, or with `burst` until there are none. Returns whether any ran."""
        self._outcomes.beat = beat
        jobs = 0
        is_registered = False
        try:
            while not self.is_draining and (max_jobs is None or jobs < max_jobs):
                beat()
                try:
                    if not is_registered:
                        self._register(allow)
                    elif self._backoff.attempts:
                        self._write_ends()
                        self._give_back_all()
                    is_registered = True
                    waits = not (burst or self._backoff.attempts)
                    if self._run_next(CLAIM_TIMEOUT_SECONDS if waits else None):
                        jobs += 1
                    elif burst:
                        break
                except RedisError as error:
                    self._recoverer.reset()
                    self._wait_for_redis(error, beat)
        except AbortedError:
            log.warning("stopped at once; its job went back to the queue")
        finally:
            self._leave(is_registered)
        return jobs > 0

    def _register(self, allow: Callable[[float], None]) -> None:
        self._worker_record.register()
        self._claimant.lease.start(self._renew, lambda: self._poll(allow))
        self._rq.subscribe()
        self._rq.set_state(WorkerStatus.IDLE)
        log.info("%s takes jobs from %s", self._claimant.name, ", ".join(self._names))

    def _leave(self, is_registered: bool) -> None:
        self._runner.close()
        self._outcomes.persist(self._write_ends)
        self._claimant.lease.stop()
        if not is_registered:
            return
        try:
            self._give_back_all()
            self._rq.unsubscribe()
            self._worker_record.write_counts()
            self._rq.register_death()
        except RedisError as error:
            log.warning("could not remove the worker's record from Redis: %s", error)

    def _wait_for_redis(self, error: RedisError, beat: Callable[[], None]) -> None:
        delay = self._backoff.next_delay()
        self._outage.add(explain(error), logging.WARNING if is_temporary(error) else logging.ERROR)
        until = time.monotonic() + delay
        while not self.is_draining and time.monotonic() < until:
            beat()
            time.sleep(0.2)

    # --- one job ------------------------------------------------------------------------------------------------

    def _run_next(self, timeout: float | None) -> bool:
        """Run the next job; wait for one up to `timeout` seconds, or not at all if None. False if there is none."""
        claim = self._next_claim(timeout)
        if claim is not None:
            self._run_claimed(claim)
        elif self._rq.get_state() == WorkerStatus.BUSY:
            self._rq.set_state(WorkerStatus.IDLE)
        return claim is not None

    def _next_claim(self, timeout: float | None) -> Claim | None:
        """Take a prefetched job, or claim the next ones and write the ends since the last claim."""
        while True:
            claim = self._prefetch.next()
            if claim is not None:
                if not self.is_draining:
                    self._prefetch.claim_ahead(self._names, self.limits.limit)
                return claim
            self._prefetch.give_back()
            self._write_refused_ends()
            ends = self._prefetch.take_ends()
            try:
                claims = self._claimant.claim_many(
                    self._names,
                    timeout,
                    max_jobs=self.limits.limit,
                    ends=[pending.end for pending in ends],
                    stopping=lambda: self.is_draining,
                )
            except UnwrittenEndsError as error:
                self._write_refused(ends, error)
                continue
            except RedisError:
                self._prefetch.keep_sent_ends(ends)
                raise
            self._backoff.reset()
            self._outage.end()
            self._prefetch.fill(claims, self._claimant.requested_at)
            if len(claims) > 1:
                self._claimant.lease.poll_within(MAX_WAIT_SECONDS)
            if not claims:
                return None

    def _run_claimed(self, claim: Claim) -> None:
        """Run a claimed job. Its errors do not affect other jobs: the worker goes on."""
        log.debug("job %s of %s is claimed", claim.job_id, claim.queue)
        standard_modules.import_all()
        job = self._load(claim)
        if job is None:
            return
        queue = self._queue(claim.queue)
        job.redis_server_version = self._rq.get_redis_server_version()
        try:
            self.execute(job, queue)
        except Exception as error:
            if is_temporary(error):
                raise
            log.exception("could not handle job %s of %s", job.id, queue.name)
            reason = f"the worker could not handle it: {type(error).__name__}: {error}"
            self._outcomes.quarantine(queue.name, job.id, reason)

    def _load(self, claim: Claim) -> GuardedJob | None:
        """The job of a claim; one that cannot be read, or must not run, is quarantined."""
        try:
            return self._jobs.load(claim)
        except JobError as error:
            reason = str(error)
        except Exception as error:  # noqa: BLE001 - a corrupt hash may raise anything; it must not stop the worker
            reason = f"it cannot be read: {type(error).__name__}: {error}"
        self._outcomes.quarantine(claim.queue, claim.job_id, reason)
        return None

    def execute(self, job: Job, queue: Queue) -> None:
        """Run a claimed job, and write its end or keep it for the next claim request."""
        began_at = time.monotonic()
        try:
            execution = self._begin(job, queue)
            end = self._runner.run(job, queue, execution)
            if end is not None and isinstance(job, FastPathJob):
                self._queue_end(job, end)
        finally:
            self.limits.note_run(queue.name, time.monotonic() - began_at)
            self._run_record.end()
            # RQ's child ends the first of these. One left by a failed start would be ended in place of ours.
            self._rq.executions.clear()

    def _begin(self, job: Job, queue: Queue) -> Execution:
        """The execution of a run: RQ writes it before a job runs; that of a fast-path job began with its claim."""
        if not isinstance(job, FastPathJob):
            return self._rq.prepare_execution(job)
        execution = Execution(job.execution_id, job.id, self._redis, self._claimant.name)
        self._rq.executions[execution.id] = execution
        self._run_record.begin(queue.name, execution, self._rq.get_heartbeat_ttl(job))
        self._rq._state = WorkerStatus.BUSY
        return execution

    def _queue(self, name: str) -> Queue:
        return next(queue for queue in self._rq.queues if queue.name == name)

    # --- ends of fast-path jobs ---------------------------------------------------------------------------------

    def _queue_end(self, job: FastPathJob, end: JobEnd) -> None:
        """Keep the end of a job for the next claim request."""
        record = self._run_record.end()
        self._prefetch.add_end(job, end._replace(record=record) if record else end)
        self._worker_record.count_success(end.seconds)

    def _write_ends(self) -> None:
        """Write the ends that wait, and claim nothing."""
        self._prefetch.read_ahead()
        self._write_refused_ends()
        ends = self._prefetch.take_ends()
        try:
            if ends:
                self._claimant.write_ends([pending.end for pending in ends])
        except UnwrittenEndsError as error:
            self._write_refused(ends, error)
        except RedisError:
            self._prefetch.keep_sent_ends(ends)
            raise

    def _write_refused_ends(self) -> None:
        for refused in self._prefetch.take_refused():
            self._write_refused(refused.ends, refused.error)

    def _write_refused(self, ends: Sequence[PendingEnd], error: UnwrittenEndsError) -> None:
        """Write through RQ the ends that the script could not write, and log those of jobs that were taken from us."""
        for n in error.lost:
            if not ends[n].was_sent:
                log.warning("job %s has ended before, or was given to another worker", ends[n].job.id)
        for n in error.refused:
            job, end = ends[n].job, ends[n].end
            self._worker_record.uncount_success(end.seconds)
            execution = Execution(job.execution_id, job.id, self._redis, self._claimant.name)
            value = fast_path.decode_value(end.row.value)
            self._outcomes.write_success(job, self._queue(job.origin), execution, value)
            if end.log:
                job_log.write(self._redis, end.log)

    def _give_back_all(self) -> None:
        """Give back all claims. Call it only while no job runs."""
        self._prefetch.drop_claims()
        self._claimant.give_back_all(self._names)

    # --- in the lease thread ------------------------------------------------------------------------------------

    def _renew(self) -> None:
        """After each renewal: show RQ's tools that the worker lives, and recover the jobs of dead workers."""
        self._worker_record.beat(self._runner.child_pids(), self._runner.renew_run)
        self._recoverer.run_if_due()
        self._watch.check_if_due()

    def _poll(self, allow: Callable[[float], None]) -> float:
        """A few times a second: record a long run in Redis, so that nothing waits for it."""
        self._runner.announce_long_run(allow)  # first, because it needs no Redis
        self._worker_record.write_due_counts()  # jobs that ended before a run are counted before it is recorded
        self._prefetch.relieve(self._run_record)
        self._run_record.write_if_older()
        return MAX_WAIT_SECONDS if self._prefetch.was_many else POLL_SECONDS
