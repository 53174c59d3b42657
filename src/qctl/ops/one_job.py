"""A single job by its id: show it, wait for it, stop it, edit its payload; and enqueue a new one."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from shlex import quote
from time import sleep
from typing import TYPE_CHECKING, Any

from qctl import catalog
from qctl.broker.admin import edit_payload, plain_job, repair_leftovers
from qctl.broker.admin.move_jobs import Cancel
from qctl.broker.bookkeeping import events
from qctl.broker.query import (
    id_prefixes,
    job_detail,
    job_runs,
    locate_jobs,
    search,
    stats_snapshot,
    wait_for_jobs,
    workers,
)
from qctl.broker.redis.connection import Backoff, translate_errors
from qctl.broker.worker import stop_job
from qctl.catalog import arguments
from qctl.errors import (
    JobFailedError,
    NotFoundError,
    QctlError,
    RedisUnreachableError,
    RefusedError,
    WaitTimeoutError,
    did_you_mean,
)
from qctl.history.job_from_history import read_job
from qctl.models import (
    EditablePayload,
    EnqueuedFunction,
    JobDetail,
    JobLogs,
    JobType,
    PayloadEdit,
    RunLog,
    StoppedJob,
    WaitResult,
)
from qctl.ops.base import Part
from qctl.service import QueueService

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from qctl.catalog.options import Options
    from qctl.catalog.specs import JobSpec

DEFAULT_QUEUE = "default"
"""RQ's default queue."""

REPEAT_STOP_SECONDS = 1.5
"""Delay after which the stop command is sent again to a worker whose job still runs."""

FOLLOW_SECONDS = 0.5
"""Time (s) between two looks at the lines of a running job."""

_ENDED = {"failed": "failed", "stopped": "was stopped", "canceled": "was canceled"}
"""Description of the end of a job that did not finish."""


class OneJobOps(Part):
    """Operations on one job, by its id or a unique prefix of it.

    Each raises NotFoundError, with similar ids, if the job does not exist, and RefusedError if several have the prefix.
    """

    def show(self, job_id: str) -> JobDetail:
        """Return all data of a job in any queue and state; a job that Redis has deleted is read from the history.
        Raises UnreachableError if the history's database is needed and does not answer."""
        (job_id,) = id_prefixes.complete(self._redis, [job_id])
        queues = stats_snapshot.queue_names(self._redis)
        detail = job_detail.read(self._redis, job_id, queues) or read_job(self._settings, job_id)
        if detail is None:
            raise self._not_found(job_id, queues)
        return detail

    def logs(self, job_id: str) -> JobLogs:
        """Return the last lines that a job logged or printed, of each run that is known."""
        return job_runs.read_logs(self._redis, self._require(job_id))

    def follow_logs(self, job_id: str, *, on_disconnect: Callable[[QctlError, float], None]) -> Iterator[JobLogs]:
        """Yield the lines of a job, then new ones as workers write them, until it has ended.

        A run that is not in its last second has its lines written twice a second. `on_disconnect` as for events.
        """
        backoff = Backoff()
        seen: dict[str, int] = {}
        while True:
            try:
                with translate_errors(self._settings):
                    logs = self.logs(job_id) if not seen else job_runs.read_logs(self._redis, job_id)
                    backoff.reset()
            except RedisUnreachableError as error:
                on_disconnect(error, backoff.next_delay())
                continue
            job_id = logs.id
            yield replace(logs, runs=[_news(run, seen) for run in logs.runs])
            if logs.status in wait_for_jobs.END_STATUSES or not logs.status:
                return
            sleep(FOLLOW_SECONDS)

    def wait(self, job_id: str, *, timeout: float) -> WaitResult:
        """Wait until a job has finished, at most `timeout` seconds.

        Raises JobFailedError if it ended in another way, and WaitTimeoutError.
        """
        job_id = self._require(job_id)
        statuses, passed = wait_for_jobs.wait_until(
            self._redis, [job_id], timeout, lambda _, seen: seen.status in wait_for_jobs.END_STATUSES
        )
        seen = statuses[job_id]
        if seen.status in ("finished", "gone"):
            return WaitResult(job_id, seen.queue, seen.status, passed, job_detail.value(self._redis, job_id))
        if seen.status not in wait_for_jobs.END_STATUSES:
            raise WaitTimeoutError(f"job {job_id} is {seen.status} after {timeout:g} s")
        raise JobFailedError(f"job {job_id} {_ENDED[seen.status]}", hint=f"qctl job show {quote(job_id)}")

    def stop(self, job_id: str, *, timeout: float = 10.0, force: bool = False) -> StoppedJob:
        """Stop a running job: it becomes a dead letter, and is not retried automatically. So does a started job whose
        worker is gone; with `force` also one whose worker does not listen, although RQ's lease on it is not over.

        Raises RefusedError if it does not run or its worker does not listen, and WaitTimeoutError if it still runs
        after `timeout` seconds: stock workers that run jobs in their own process ignore the command.
        """
        job_id = self._require(job_id)
        located, missing = locate_jobs.locate(self._redis, [job_id], stats_snapshot.queue_names(self._redis))
        if not located:
            raise RefusedError(f"cannot stop job {job_id!r}: {missing[0].detail}")
        ((queue, state, entry),) = located
        worker = job_detail.worker(self._redis, job_id)
        if entry.is_abandoned:
            return self._end_abandoned(job_id, queue, worker, force=False)
        if state != "started" or not (worker or force):
            hint = f"qctl job cancel {quote(job_id)}" if state in Cancel.states else None
            raise RefusedError(f"cannot stop a job in state {state}; allowed state: started", hint)
        if not stop_job.send_stop(self._redis, worker, job_id):
            if force:
                return self._end_abandoned(job_id, queue, worker, force=True)
            raise RefusedError(
                f"cannot stop job {job_id!r}: worker {worker!r} does not listen",
                hint=f"if that worker is dead, end the job with: qctl job stop {quote(job_id)} --force",
            )
        events.record(self._redis, "stopping", queue=queue, job=job_id, worker=worker, actor=events.actor())
        passed = 0.0
        while True:
            # The worker ignores a command that arrives between the claim and the run: it does not know the job yet.
            seen, more = self._until_ended(job_id, min(REPEAT_STOP_SECONDS, max(0.0, timeout - passed)))
            passed += more
            if seen.status != "started" or passed >= timeout:
                break
            stop_job.send_stop(self._redis, worker, job_id)
        if seen.status == "started":
            raise WaitTimeoutError(
                f"job {job_id!r} still runs after {timeout:g} s: worker {worker!r} ignores the stop command",
                hint="a stock worker that runs jobs in its own process cannot stop them; stop the worker",
            )
        return StoppedJob(job_id, queue, worker, seen.status, passed)

    def _end_abandoned(self, job_id: str, queue: str, worker: str, *, force: bool) -> StoppedJob:
        """Make a dead letter of a started job whose worker is gone."""
        reason = "Stopped: an operator ended the job, whose worker is gone."
        id_, by = job_id.encode(errors="surrogateescape"), events.actor()
        word = repair_leftovers.abandon(self._redis, queue, id_, actor=by, verb="die", reason=reason, force=force)
        if word == "runs":
            raise RefusedError(
                f"cannot stop job {job_id!r}: a worker of qctl has it, and others take it when its lease is over",
                hint="list workers with: qctl worker list",
            )
        return StoppedJob(job_id, queue, worker, "failed" if word == "dead" else word, 0.0, was_abandoned=True)

    def _until_ended(self, job_id: str, timeout: float) -> tuple[wait_for_jobs.JobStatus, float]:
        statuses, passed = wait_for_jobs.wait_until(
            self._redis, [job_id], timeout, lambda _, seen: seen.status != "started"
        )
        return statuses[job_id], passed

    def enqueue(self, name: str, data: Mapping[str, Any], pairs: Sequence[str] = (), **options: Unpack[Options]) -> str:
        """Enqueue a job of the catalog, or a declared one, as a producer does. `pairs` are `name=value` arguments that
        supplement `data`, of the types that the job declares. Returns its id.

        Raises NotFoundError for an unknown name, UsageError, and RateLimitedError.
        """
        known = self.catalogued()
        if name not in known:
            raise NotFoundError.with_suggestions(
                f"job {name!r} not found", name, known, f"known jobs: {', '.join(sorted(known))}"
            )
        payload = {**data, **arguments.parse(name, known[name].arguments, pairs)}
        with QueueService(self._settings) as service:
            return service.enqueue(name, payload, **options)

    def enqueue_function(
        self,
        function: str,
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        *,
        queue: str = DEFAULT_QUEUE,
        at: datetime | None = None,
    ) -> EnqueuedFunction:
        """Enqueue a plain RQ job: a function by its dotted path, now or `at` a time, for any worker that can import it.

        The payload is JSON, or a pickle of the same plain values if the jobs of the queue are pickled, or if it has no
        jobs and one of its workers is a stock worker. Raises UsageError.
        """
        listening = [worker for worker in workers.listening(self._redis, [queue]) if not worker.silent]
        pickled = plain_job.has_pickles(self._redis, queue)
        if pickled is None:
            pickled = any(worker.name != worker.claimant for worker in listening)
        max_bytes = self._settings.max_job_bytes
        job_id = plain_job.enqueue(
            self._redis, queue, function, args, kwargs or {}, at=at, pickled=pickled, max_bytes=max_bytes
        )
        return EnqueuedFunction(job_id, queue, pickled, len(listening))

    def types(self) -> list[JobType]:
        """List the jobs that `enqueue` accepts, each with its arguments and the workers that listen to its queue."""
        counts: Counter[str] = Counter()
        for worker in workers.living(self._redis):
            if not worker.silent:
                counts.update({catalog.base_queue(queue) for queue in worker.queues})
        return [
            JobType(
                name,
                spec.queue,
                tuple(f"{each.name}{'' if each.required else '?'}: {each.accepts}" for each in spec.arguments),
                spec.doc,
                counts[catalog.base_queue(spec.queue)],
            )
            for name, spec in sorted(self.catalogued().items())
        ]

    def offered(self) -> dict[str, JobSpec]:
        """Return the jobs of `catalogued` whose queue a running worker listens to."""
        listened = {each.name for each in self.types() if each.workers}
        return {name: spec for name, spec in self.catalogued().items() if name in listened}

    def catalogued(self) -> dict[str, JobSpec]:
        """Return the jobs that `enqueue` accepts, by name: those of the catalog, and those declared by the modules in
        QCTL_JOBS_MODULES, which are imported. Raises SettingsError."""
        jobs = catalog.jobs(self._settings.jobs_modules)
        return {name: spec for name, spec in jobs.items() if not spec.batch}

    def editable(self, job_id: str) -> EditablePayload:
        """Return the payload of a job for editing. Raises RefusedError if it is not JSON."""
        return edit_payload.read(self._redis, self._require(job_id))

    def edit(self, job: EditablePayload, text: str) -> PayloadEdit:
        """Replace the payload of a job that was read with `editable` by `text`, `{function, args, kwargs}` as JSON;
        missing keys stay unchanged. The payload before the first edit is stored.

        Raises UsageError if `text` is malformed, and RefusedError if the job runs or has run by now, or another edit
        came first.
        """
        changed = edit_payload.write(self._redis, job, text, actor=events.actor())
        after = edit_payload.read(self._redis, job.id).text if changed else job.text
        return PayloadEdit(job.id, job.queue, job.text, after, changed)

    def revert(self, job: EditablePayload) -> PayloadEdit:
        """Restore the payload that a job had before its first edit. Raises RefusedError."""
        edit_payload.revert(self._redis, job, actor=events.actor())
        after = edit_payload.read(self._redis, job.id).text
        return PayloadEdit(job.id, job.queue, job.text, after, json.loads(after) != json.loads(job.text))

    def _require(self, job_id: str) -> str:
        """Return the whole id of a job that exists."""
        (job_id,) = id_prefixes.complete(self._redis, [job_id])
        if wait_for_jobs.read_statuses(self._redis, [job_id])[job_id].status == "gone":
            raise self._not_found(job_id, stats_snapshot.queue_names(self._redis))
        return job_id

    def _not_found(self, job_id: str, queues: Sequence[str]) -> NotFoundError:
        known = search.sample_ids(self._redis, queues)
        # People type the start of an id; similarity says nothing about random ids.
        close = [id_ for id_ in known if len(job_id) > 3 and id_.startswith(job_id)][:3]
        message = f"job {job_id!r} not found"
        if close:
            return NotFoundError(message, tuple(close), did_you_mean(close))
        return NotFoundError.with_suggestions(message, job_id, known, "list jobs with: qctl job list")


def _news(run: RunLog, seen: dict[str, int]) -> RunLog:
    """Return a run with the lines alone that were not seen before, and note them as seen."""
    name = str(run.started_at or run.number)
    new = max(0, run.total - seen.get(name, 0))
    seen[name] = run.total
    return replace(run, lines=run.lines[-new:] if new else [])
