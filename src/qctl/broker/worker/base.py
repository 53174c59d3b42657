"""qctl's worker: an RQ worker that claims, holds a lease, and leaves no job behind.

What differs from RQ's own workers: jobs are claimed by script (`claimant.py`), a job starts only while its claim
stands, dead workers are recovered from instead of RQ's maintenance, a job that must not run is quarantined instead of
stopping the worker, a sink that is down costs no retry, and Redis may go away at any moment.
"""

from __future__ import annotations

import logging
import os
import socket
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, cast

from redis import Redis
from redis.exceptions import RedisError
from rq import worker_registration
from rq.executions import Execution
from rq.job import Job, JobStatus, Retry
from rq.queue import Queue
from rq.serializers import JSONSerializer
from rq.timeouts import JobTimeoutException
from rq.utils import now, utcformat
from rq.worker import WorkerStatus

from qctl import catalog, logs
from qctl.broker.bookkeeping import events
from qctl.broker.redis import job_fields, keys
from qctl.broker.redis.connection import TRANSIENT_ERRORS, Backoff, is_temporary
from qctl.broker.redis.scripts import Script
from qctl.broker.worker import process_memory
from qctl.broker.worker.claim_protocol import Claim, Turns
from qctl.broker.worker.claims import Claimant
from qctl.broker.worker.execution_record import Recorder
from qctl.broker.worker.fast_path import PlainJob, plain
from qctl.broker.worker.fast_path_worker import PlainWorker
from qctl.broker.worker.guarded_job import BATCH_HANDLERS, GuardedJob, guarded
from qctl.broker.worker.pausable_queue import PausableQueue, restore
from qctl.broker.worker.prefetch import Hand
from qctl.broker.worker.recovery import Recoverer
from qctl.broker.worker.stop_job import StoppedError
from qctl.errors import ClaimLostError, JobError, RejectedError, SinkError
from qctl.settings import Settings

log = logging.getLogger(__name__)

WORKER_TTL = 30
"""Seconds without a heartbeat after which RQ's tools call a worker dead, less RQ's own margin of 60."""

LONG_RUN = 20.0
"""Seconds after which a run's RQ heartbeat is renewed from the lease thread; RQ lets it live 90 s."""

_start = Script("worker/start", after="worker/claimed")


def _level(job: Job) -> int:
    """How loud the lines about a job are: of batches there are many, all alike."""
    return logging.DEBUG if job.func_name in BATCH_HANDLERS else logging.INFO


class AbortedError(BaseException):
    """Raised in the main thread to stop a running job at once."""


class QctlWorker(PlainWorker):
    """What both isolations share. Build one of `isolation.py`, then call `work`; nothing is sent before."""

    queue_class = PausableQueue
    job_class = GuardedJob
    log_result_lifespan = False
    at_once = 1
    """Plain jobs that are claimed at once, where they are short."""

    def __init__(self, queues: Sequence[str], connection: Redis, settings: Settings) -> None:
        self.claimant = Claimant(connection, self._beat, self._glance)
        self.recorder = Recorder(connection, self.claimant.name)
        self.hand, self.aside = Hand(self.at_once), Turns(connection, self.claimant.name, starting=False)
        super().__init__(
            list(queues),
            name=self.claimant.name,
            connection=connection,
            serializer=JSONSerializer,
            worker_ttl=WORKER_TTL,
            log_job_description=False,
            prepare_for_work=False,
        )
        self._declared = [spec.handler for spec in catalog.jobs(settings.jobs_modules).values()]
        self.allow_jobs(settings.allowed_jobs)
        self._recoverer = Recoverer(connection, self.name, queues)
        self._running: tuple[Job, Execution, float] | None = None
        self._dead_child: str | None = None
        self._performing = False
        self._allow: Callable[[float], None] = lambda _: None

    @property
    def dequeue_timeout(self) -> int:
        """Seconds; RQ makes the socket's time-out of it, and a short one notices a dead connection."""
        return 1

    def allow_jobs(self, patterns: Sequence[str]) -> None:
        """Run what matches these patterns, beside the catalog and what is declared, from the next claim on."""
        self.job_class = guarded((*patterns, *self._declared))
        self.plain_class = plain(self.job_class)

    # --- the loop -----------------------------------------------------------------------------------------

    def work(  # type: ignore[override]  # RQ's scheduler and logging options have no meaning here
        self,
        burst: bool = False,
        max_jobs: int | None = None,
        beat: Callable[[], None] = lambda: None,
        allow: Callable[[float], None] = lambda _: None,
    ) -> bool:
        """Run jobs until `request_drain`, or with `burst` until there are none. Returns whether any ran.

        `beat` is called at least every few seconds between jobs. Of a job during which it cannot be called `allow` is
        told, in another thread and once the job has lasted, how many seconds it may still take. Redis may be away, at
        the start too: it waits.
        """
        self.show_life, self._allow = beat, allow
        jobs = 0
        backoff = Backoff()
        names = [queue.name for queue in self.queues]
        ready = False
        try:
            while not self._stop_requested and (max_jobs is None or jobs < max_jobs):
                beat()
                try:
                    if not ready:
                        self._arrive()
                    elif backoff.attempts:
                        self.write_last()
                        self.forsake(names)
                    ready = True
                    backoff.reset()
                    if self._run_next(names, None if burst else 2.0):
                        jobs += 1
                    elif burst:
                        break
                except RedisError as error:
                    self._recoverer.forget()
                    self._wait_for_redis(error, backoff, beat)
        except AbortedError:
            log.warning("stopped at once; its job went back to the queue")
        finally:
            self._leave(ready)
        return jobs > 0

    def _run_next(self, names: Sequence[str], timeout: float | None) -> bool:
        """Run the next job, waiting for one as `next_claim` does. False where there is none."""
        claim = self.next_claim(names, timeout)
        if claim is not None:
            self._run(claim)
        elif self.get_state() == WorkerStatus.BUSY:
            self.set_state(WorkerStatus.IDLE)
        return claim is not None

    def _queue(self, name: str) -> Queue:
        return next(queue for queue in self.queues if queue.name == name)

    def request_drain(self) -> None:
        """Finish the running job, take nothing new, return from `work`."""
        self._stop_requested = True

    def request_abort(self) -> None:
        """Stop the running job and give it back. Call it in the main thread, from a signal handler."""
        self._stop_requested = True
        if self._performing:
            raise AbortedError

    def stoppable(self, job: Job) -> AbstractContextManager[None]:  # noqa: ARG002 - what overrides it needs the job
        """While this lasts, the running job may be stopped by raising StoppedError in it. Here nobody does."""
        return nullcontext()

    def _arrive(self) -> None:
        self.hostname, self.pid = socket.gethostname(), os.getpid()
        self._set_ip_address(self.connection)
        # The name is ours alone: what is there is from an arrival that broke off, and RQ would refuse it.
        self.connection.delete(self.key)
        self.register_birth()
        self.claimant.start()
        self.subscribe()
        self.set_state(WorkerStatus.IDLE)
        log.info("%s takes jobs from %s", self.name, ", ".join(queue.name for queue in self.queues))

    def _set_ip_address(self, connection: Redis) -> None:
        try:
            super()._set_ip_address(connection)
        except ValueError:  # redis-py cannot read the reply where the path of Redis's socket has a space in it
            self.ip_address = "unknown"

    def _leave(self, registered: bool) -> None:
        self._persist(self.write_last)
        self.claimant.stop()
        if not registered:
            return
        try:
            self.forsake([queue.name for queue in self.queues])
            self.unsubscribe()
            self.tell_done()
            self.register_death()
        except RedisError as error:
            log.warning("left without telling Redis: %s", error)

    def _wait_for_redis(self, error: Exception, backoff: Backoff, beat: Callable[[], None]) -> None:
        delay = backoff.next_delay()
        if is_temporary(error):
            log.warning("Redis is away (%s); trying again in %.0f s", error, delay)
        else:
            log.error("Redis cannot do that (%s); trying again in %.0f s", error, delay)
        until = time.monotonic() + delay
        while not self._stop_requested and time.monotonic() < until:
            beat()
            time.sleep(0.2)

    def _beat(self) -> None:
        """Every few seconds, from the lease thread: say to RQ's tools that we live, look for the dead."""
        with self.connection.pipeline() as pipe:
            self.last_heartbeat = now()
            held = process_memory.resident(os.getpid(), *([self.horse_pid] if self.horse_pid else []))
            pipe.hset(self.key, mapping={**self.serialize(), **({job_fields.WORKER_MEMORY: held} if held else {})})
            pipe.expire(self.key, WORKER_TTL + 60)
            worker_registration.register(self, pipe)
            running = self._running
            if running and time.monotonic() - running[2] > LONG_RUN:
                running[1].heartbeat(running[0].started_job_registry, self.get_heartbeat_ttl(running[0]), pipe)
            pipe.execute()
        self._recoverer.maybe_run()

    def _glance(self) -> None:
        """A few times a second, from the lease thread."""
        self.glance()

    def _pubsub_exception_handler(self, exc: Exception, *_: Any) -> None:
        """Keep the thread that listens for commands alive, whatever happens: without it nobody can stop a job."""
        if isinstance(exc, TRANSIENT_ERRORS):
            log.debug("the command channel is away: %s", exc)
        else:
            log.warning("the command channel is away: %s: %s", type(exc).__name__, exc)
        time.sleep(2.0)

    # --- one job ------------------------------------------------------------------------------------------

    def _run(self, claim: Claim) -> None:
        """Run a claimed job. Whatever is wrong with it is its own matter: the worker goes on."""
        log.debug("job %s of %s is claimed", claim.job_id, claim.queue)
        try:
            job: Any = self._restored(claim)
            job.check()
        except Exception as error:  # noqa: BLE001 - a corrupt hash may raise anything; it must not stop the worker
            self.executions.clear()
            reason = (
                str(error) if isinstance(error, JobError) else f"it cannot be read: {type(error).__name__}: {error}"
            )
            self._quarantine(claim.queue, claim.job_id, reason)
            return
        queue = self._queue(claim.queue)
        job.redis_server_version = self.get_redis_server_version()
        try:
            self.execute_job(job, queue)
        except Exception as error:
            if is_temporary(error):
                raise
            log.exception("could not handle job %s of %s", job.id, queue.name)
            self._quarantine(queue.name, job.id, f"the worker could not handle it: {type(error).__name__}: {error}")

    def _restored(self, claim: Claim) -> Job:
        if claim.execution:
            return self.plain_job(claim)
        return restore(claim, self.job_class, self.connection, self.serializer)

    def _quarantine(self, queue: str, job_id: str, reason: str) -> None:
        if self._persist(lambda: self.claimant.quarantine(queue, job_id, reason)):
            told = {"event": "dlq", "jobId": job_id}
            log.error("quarantined job %s of %s: %s", job_id, queue, reason, extra=told)

    def prepare_job_execution(self, job: Job, *_: Any) -> None:
        """Mark the job started, in one step with the look at its claim. Raises ClaimLostError where that is gone."""
        moment = now()
        started = _start(
            self.connection,
            job=keys.job(job.id),
            intermediate=keys.intermediate(job.origin),
            claims=keys.claims(job.origin),
            worker=self.key,
            events=keys.EVENTS,
            job_id=job.id,
            claimant=self.claimant.name,
            now=utcformat(moment),
            worker_name=self.name,
            worker_ttl=WORKER_TTL + 60,
            queue=job.origin,
            max_events=events.MAX_ENTRIES,
            trace=getattr(job, "trace", None) or "",
        )
        if not started:
            raise ClaimLostError(f"job {job.id} was given to another worker")
        job.worker_name, job.started_at, job.last_heartbeat = self.name, moment, moment
        if isinstance(job, GuardedJob) and job.enqueued_at:
            job.waited = (moment - job.enqueued_at).total_seconds()
        job._status = JobStatus.STARTED

    def perform_job(self, job: Job, queue: Queue, execution: Execution) -> bool:
        """Run the job's function and write down how it ended. True where it succeeded.

        Whatever is logged meanwhile names the job.
        """
        ours = cast(GuardedJob, job)
        with logs.about(jobId=job.id, traceId=ours.trace, userId=ours.owner):
            succeeded = self._perform(job, queue, execution)
            if succeeded:
                told = {"event": "finish"}
                log.log(_level(job), "job %s of %s: %s finished", job.id, queue.name, ours.label, extra=told)
            return succeeded

    def _perform(self, job: Job, queue: Queue, execution: Execution) -> bool:
        if not isinstance(job, PlainJob) and not self._started(job, queue, execution):
            return False
        try:
            self._performing = True
            log.log(_level(job), "job %s of %s starts", job.id, queue.name, extra={"event": "start"})
            seconds = job.timeout or queue.DEFAULT_TIMEOUT
            with self.death_penalty_class(seconds, JobTimeoutException, job_id=job.id), self.stoppable(job):
                value = job.perform()
        except StoppedError:
            self._settle(job, queue, self._stopped(job, queue, execution))
            return False
        except AbortedError:
            self._put_back(job, queue)
            raise
        except SinkError as error:
            self._sink_failed(job, queue, error)
            return False
        except JobError as error:
            self._quarantine(queue.name, job.id, str(error))
            return False
        except BaseException as error:  # noqa: BLE001 - SystemExit in a job is that job's failure
            if isinstance(error, RejectedError):
                job.retries_left = None  # it will be refused again: only a person can change that
            self._settle(job, queue, self._failure(job, queue, execution, sys.exc_info()))
            return False
        finally:
            self._performing = False
        if isinstance(job, PlainJob) and not isinstance(value, Retry):
            self.note_success(job, value)
            return True
        self.succeeded(job, queue, execution, value)
        return job._status == JobStatus.FINISHED

    def _started(self, job: Job, queue: Queue, execution: Execution) -> bool:
        """Start a claimed job. False where it must not run here, which has been seen to."""
        try:
            self.prepare_job_execution(job)
        except ClaimLostError as error:
            log.warning("%s", error)
            self._drop(execution, job)
            return False
        except Exception as error:
            if is_temporary(error):
                raise
            self._quarantine(queue.name, job.id, f"it cannot be started: {type(error).__name__}: {error}")
            return False
        return True

    def _drop(self, execution: Execution, job: Job) -> None:
        with self.connection.pipeline() as pipe:
            execution.delete(job=job, pipeline=pipe)
            pipe.execute()
        self.executions.pop(execution.id, None)
