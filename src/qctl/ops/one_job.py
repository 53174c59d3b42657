"""One job, known by its id: look at it, wait for it, stop it, change what it is called with; and make a new one."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from shlex import quote
from typing import TYPE_CHECKING, Any

from qctl import catalog
from qctl.broker.admin import edit_payload
from qctl.broker.admin.move_jobs import Cancel
from qctl.broker.bookkeeping import events
from qctl.broker.query import job_detail, locate_jobs, search, stats_snapshot, wait_for_jobs
from qctl.broker.worker import stop_job
from qctl.errors import JobFailedError, NotFoundError, RefusedError, WaitTimeoutError
from qctl.history.job_from_history import read_job
from qctl.models import EditablePayload, JobDetail, PayloadEdit, StoppedJob, WaitResult
from qctl.ops.base import Part
from qctl.service import QueueService

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from qctl.catalog.options import Options
    from qctl.catalog.specs import JobSpec

AGAIN = 1.5
"""Seconds after which a worker is told again to stop a job that still runs."""

_ENDED = {"failed": "failed", "stopped": "was stopped", "canceled": "was canceled"}
"""How a job ends that does not finish."""


class OneJobOps(Part):
    """What is asked of one job. Each raises NotFoundError, with ids that look like it, where there is none."""

    def show(self, job_id: str) -> JobDetail:
        """All that is known of one job, in whichever queue and state; where Redis has forgotten it, what the history
        tells. Raises UnreachableError where that has to be asked and its database does not answer."""
        queues = stats_snapshot.queue_names(self._redis)
        detail = job_detail.read(self._redis, job_id, queues) or read_job(self._settings, job_id)
        if detail is None:
            raise self._unknown(job_id, queues)
        return detail

    def wait(self, job_id: str, *, timeout: float) -> WaitResult:
        """Wait until a job has finished, at most `timeout` seconds.

        Raises JobFailedError where it ended otherwise, and WaitTimeoutError.
        """
        self._require(job_id)
        found, passed = wait_for_jobs.wait_until(
            self._redis, [job_id], timeout, lambda _, seen: seen.status in wait_for_jobs.END_STATUSES
        )
        seen = found[job_id]
        if seen.status in ("finished", "gone"):
            return WaitResult(job_id, seen.queue, seen.status, passed, job_detail.value(self._redis, job_id))
        if seen.status not in wait_for_jobs.END_STATUSES:
            raise WaitTimeoutError(f"job {job_id} is {seen.status} after {timeout:g} s")
        raise JobFailedError(f"job {job_id} {_ENDED[seen.status]}", hint=f"qctl job show {quote(job_id)}")

    def stop(self, job_id: str, *, timeout: float = 10.0) -> StoppedJob:
        """Stop a job that runs: it becomes a dead letter, and is not tried again by itself.

        Raises RefusedError where it does not run or nobody listens for that, and WaitTimeoutError where it still runs
        after `timeout` seconds: stock workers that run jobs in their own process do not obey.
        """
        self._require(job_id)
        located, missing = locate_jobs.locate(self._redis, [job_id], stats_snapshot.queue_names(self._redis))
        if not located:
            raise RefusedError(f"job {job_id} does not run: {missing[0].detail}")
        ((queue, state, _),) = located
        worker = job_detail.worker(self._redis, job_id)
        if state != "started" or not worker:
            hint = f"qctl job cancel {quote(job_id)}" if state in Cancel.states else None
            raise RefusedError(f"job {job_id} does not run: it is {state}", hint)
        if not stop_job.send_stop(self._redis, worker, job_id):
            raise RefusedError(
                f"job {job_id} was not stopped: worker {worker} does not listen", hint="qctl worker list"
            )
        events.record(self._redis, "stopping", queue=queue, job=job_id, worker=worker, actor=events.actor())
        passed = 0.0
        while True:
            # It may have been told between its claim and its run, when it did not know the job yet.
            seen, more = self._until_ended(job_id, min(AGAIN, max(0.0, timeout - passed)))
            passed += more
            if seen.status != "started" or passed >= timeout:
                break
            stop_job.send_stop(self._redis, worker, job_id)
        if seen.status == "started":
            raise WaitTimeoutError(
                f"job {job_id} still runs after {timeout:g} s: worker {worker} was told, and does not obey",
                hint="a stock worker that runs jobs in its own process cannot stop one",
            )
        return StoppedJob(job_id, queue, worker, seen.status, passed)

    def _until_ended(self, job_id: str, timeout: float) -> tuple[wait_for_jobs.JobStatus, float]:
        found, passed = wait_for_jobs.wait_until(
            self._redis, [job_id], timeout, lambda _, seen: seen.status != "started"
        )
        return found[job_id], passed

    def enqueue(self, name: str, data: Mapping[str, Any], **how: Unpack[Options]) -> str:
        """Make a job of the catalog, or one that is declared, as a producer does. Returns its id.

        Raises NotFoundError for an unknown name, UsageError, and RateLimitedError.
        """
        known = self.catalogued()
        if name not in known:
            raise NotFoundError.with_suggestions(
                f"job {name!r} not found", name, known, f"known jobs: {', '.join(sorted(known))}"
            )
        with QueueService(self._settings) as service:
            return service.enqueue(name, data, **how)

    def catalogued(self) -> dict[str, JobSpec]:
        """The jobs that `enqueue` makes, by name: those of the catalog, and those that modules of the settings declare,
        which are imported for that. Raises SettingsError."""
        jobs = catalog.jobs(self._settings.jobs_modules)
        return {name: spec for name, spec in jobs.items() if not spec.batch}

    def editable(self, job_id: str) -> EditablePayload:
        """The payload of a job, to be edited. Raises RefusedError where it is not JSON."""
        self._require(job_id)
        return edit_payload.read(self._redis, job_id)

    def edit(self, job: EditablePayload, text: str) -> PayloadEdit:
        """Give a job that was read with `editable` this payload, `{function, args, kwargs}` as JSON; what it leaves out
        stays as it is. The payload before the first edit is kept.

        Raises UsageError where it is malformed, and RefusedError where the job runs or has run by now, or somebody else
        edited it meanwhile.
        """
        changed = edit_payload.write(self._redis, job, text, actor=events.actor())
        after = edit_payload.read(self._redis, job.id).text if changed else job.text
        return PayloadEdit(job.id, job.queue, job.text, after, changed)

    def revert(self, job: EditablePayload) -> PayloadEdit:
        """Give a job the payload it had before the first edit. Raises RefusedError."""
        edit_payload.revert(self._redis, job, actor=events.actor())
        after = edit_payload.read(self._redis, job.id).text
        return PayloadEdit(job.id, job.queue, job.text, after, json.loads(after) != json.loads(job.text))

    def _require(self, job_id: str) -> None:
        if wait_for_jobs.read_statuses(self._redis, [job_id])[job_id].status == "gone":
            raise self._unknown(job_id, stats_snapshot.queue_names(self._redis))

    def _unknown(self, job_id: str, queues: Sequence[str]) -> NotFoundError:
        known = search.sample_ids(self._redis, queues)
        # Of an id people type the beginning, and look-alikes of random ones are none of them.
        alike = [id_ for id_ in known if len(job_id) > 3 and id_.startswith(job_id)][:3]
        text = f"there is no job {job_id}"
        if alike:
            return NotFoundError(text, tuple(alike), "did you mean " + " or ".join(alike) + "?")
        return NotFoundError.with_suggestions(text, job_id, known, "`qctl job list` lists jobs")
