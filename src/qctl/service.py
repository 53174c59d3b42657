"""The Python API for producers: jobs by name, checked before they are queued.

service = QueueService()
service.add_welcome_email(userEmail="ada@example.com", userName="Ada")
service.enqueue("send-invoice", {"number": 7}, delay=60, owner="ada")
"""

from __future__ import annotations

import json
import logging
import uuid
from collections.abc import Iterable, Mapping, Sequence
from shlex import quote
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal

from qctl import catalog
from qctl.broker.admin import bulk
from qctl.broker.admin.move_jobs import Cancel
from qctl.broker.bookkeeping import events
from qctl.broker.producer import enqueue
from qctl.broker.producer.enqueue import NewJob
from qctl.broker.producer.owner_limits import Limits
from qctl.broker.query import job_detail, locate_jobs, owned_jobs, stats_snapshot, wait_for_jobs
from qctl.broker.redis.connection import connect, translate_errors
from qctl.broker.worker import job_context
from qctl.catalog import arguments, options
from qctl.catalog.builtin import MAX_BULK_UPDATE_ITEMS
from qctl.catalog.options import Options
from qctl.errors import JobFailedError, NotFoundError, RefusedError, WaitTimeoutError
from qctl.models import Chosen, JobDetail, OwnedJob, Selection, ignore_progress
from qctl.settings import Settings

if TYPE_CHECKING:
    from typing_extensions import Unpack

log = logging.getLogger(__name__)

PATIENCE = 5.0
"""Seconds for which a call is sent again while Redis is away, before it raises."""


class QueueService:
    """Creates jobs. One for a whole application: it may be used by any number of threads.

    Every call that creates raises UsageError where an argument or option is wrong (nothing is queued then),
    NotFoundError for a name that nobody declared, RateLimitedError where the owner has too many, BackpressureError
    where Redis is full, and RedisUnreachableError where it does not answer for 5 s. After the last it is not known
    whether the job was created: call again with the same `unique` key or `job_id`, and it is there once. What Options
    mean stands there.
    """

    def __init__(self, settings: Settings | str | None = None, *, patience: float = PATIENCE) -> None:
        """`settings` may be the URL of a Redis; by default all is read from the environment and `.env`.

        Nothing is sent. Raises SettingsError.
        """
        if isinstance(settings, str):
            settings = Settings.load({"REDIS_URL": settings})
        self._settings = settings or Settings.load()
        self._redis = connect(self._settings, name="qctl-producer")
        self._patience = patience

    def __enter__(self) -> QueueService:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections to Redis."""
        self._redis.close()

    # --- any job ------------------------------------------------------------------------------------------

    def enqueue(self, name: str, data: Mapping[str, Any] | None = None, **how: Unpack[Options]) -> str:
        """Create a job by its name in the catalog, or as `@job` declared it; `data` are its arguments.

        Returns its id; where a job of the same `unique` key or `job_id` is remembered, that one's.
        """
        return self.enqueue_many(name, [data or {}], **how)[0]

    def enqueue_many(self, name: str, data: Iterable[Mapping[str, Any]], **how: Unpack[Options]) -> list[str]:
        """Create a job for each of `data`, in this order, 100 in a round trip. Returns their ids.

        With `unique` or `job_id` the ids of the second and later jobs end in `-1`, `-2`, ... All are checked before
        the first is created; a Redis that goes away meanwhile may leave the first hundreds created.
        """
        spec = catalog.jobs(self._settings.jobs_modules).get(name)
        if spec is None or spec.batch:
            raise NotFoundError(f"no job is called {name!r}")
        options.check(how)
        every = list(data)
        for each in every:
            arguments.check(name, spec.arguments, each)
        settings = self._settings
        trace = how.get("trace_id") or job_context.trace() or uuid.uuid4().hex
        jobs = [
            NewJob.of(spec, each, how, settings, id=id_, trace=trace)
            for id_, each in zip(options.ids(name, how, len(every)), every, strict=True)
        ]
        with translate_errors(settings):
            created = enqueue.create(
                self._redis,
                jobs,
                at=how.get("at"),
                delay=how.get("delay", 0.0),
                allowed=Limits(settings.owner_per_minute, settings.owner_active),
                actor=events.actor(),
                patience=self._patience,
            )
        _tell(jobs, created)
        return [job.id for job in jobs]

    # --- what became of it --------------------------------------------------------------------------------

    def status(self, job_id: str) -> JobDetail:
        """All that is known of a job: `state`, `progress` in its notes, attempts, events. Reads only.

        Raises NotFoundError where Redis has forgotten it, and RedisUnreachableError.
        """
        with translate_errors(self._settings):
            detail = job_detail.read(self._redis, job_id, stats_snapshot.names(self._redis))
        if detail is None:
            raise NotFoundError(f"there is no job {job_id}")
        return detail

    def jobs_of(self, owner: str) -> list[OwnedJob]:
        """The jobs that were created with this `owner`, the newest first: those that Redis remembers. Reads only.

        Finished ones are forgotten after QCTL_KEEP_FINISHED. Raises RedisUnreachableError.
        """
        with translate_errors(self._settings):
            return owned_jobs.read(self._redis, owner)

    def owned_jobs(self, ids: Sequence[str]) -> list[OwnedJob]:
        """Those of these jobs that Redis remembers and that have an owner, in the same order. Reads only.

        Raises RedisUnreachableError.
        """
        with translate_errors(self._settings):
            return owned_jobs.some(self._redis, ids)

    def cancel(self, job_id: str) -> bool:
        """Have a job that waits or is scheduled not run. Returns whether it was canceled, False where it had ended.

        Raises NotFoundError, RefusedError where it runs, and RedisUnreachableError.
        """
        with translate_errors(self._settings):
            placed, _ = locate_jobs.locate(self._redis, [job_id], stats_snapshot.names(self._redis))
            if not placed:
                raise NotFoundError(f"there is no job {job_id}")
            queue, state, found = placed[0]
            if state == "started":
                raise RefusedError(f"job {job_id} runs", hint=f"qctl job stop {quote(job_id)}")
            if state not in Cancel.states:
                return False
            positions = [found.position or 0] if state == "queued" else []
            chosen = Selection([Chosen(queue, state, [job_id.encode()], positions)])
            act = Cancel(events.actor())
            return bulk.run(self._redis, chosen, act, progress=ignore_progress).done == 1

    def result(self, job_id: str, *, timeout: float = 0.0) -> Any:
        """What a job returned; waits for it at most `timeout` seconds. None where that is no JSON, or is not kept.

        Raises NotFoundError, JobFailedError where it ended otherwise, WaitTimeoutError, and RedisUnreachableError.
        """
        with translate_errors(self._settings):
            if wait_for_jobs.look(self._redis, [job_id])[job_id].status == "gone":
                raise NotFoundError(f"there is no job {job_id}")
            seen, _ = wait_for_jobs.until(
                self._redis, [job_id], timeout, lambda _, now: now.status in wait_for_jobs.ENDS
            )
            status = seen[job_id].status
            if status not in wait_for_jobs.ENDS:
                raise WaitTimeoutError(f"job {job_id} is {status} after {timeout:g} s")
            if status not in ("finished", "gone"):
                raise JobFailedError(f"job {job_id} is {status}", hint=f"qctl job show {quote(job_id)}")
            returned = job_detail.value(self._redis, job_id)
        return None if returned is None else json.loads(returned)

    # --- the jobs of the seed documents, with their argument names -----------------------------------------

    def add_welcome_email(self, *, userEmail: str, userName: str, **how: Unpack[Options]) -> str:
        """Mail to a new user. Returns the job's id."""
        return self.enqueue("welcome-email", {"userEmail": userEmail, "userName": userName}, **how)

    def add_password_reset(
        self, *, userEmail: str, resetUrl: str, userName: str | None = None, **how: Unpack[Options]
    ) -> str:
        """Mail with a link to set a new password. Returns the job's id."""
        return self.enqueue("password-reset", _given(userEmail=userEmail, resetUrl=resetUrl, userName=userName), **how)

    def add_low_stock_alert(
        self,
        *,
        userEmail: str,
        items: Sequence[Mapping[str, Any]],
        businessId: str | int | None = None,
        **how: Unpack[Options],
    ) -> str:
        """Alert that these products, `{sku, quantity}` each, run out; of high priority. Returns the job's id."""
        data = _given(userEmail=userEmail, items=list(items), businessId=businessId)
        return self.enqueue("low-stock-alert", data, **how)

    def add_report_ready(
        self,
        *,
        userEmail: str,
        reportType: str,
        businessId: str | int | None = None,
        reportFile: str | None = None,
        **how: Unpack[Options],
    ) -> str:
        """Mail that a report can be fetched; `reportFile` is its name in EXPORTS_DIR. Returns the job's id."""
        data = _given(userEmail=userEmail, reportType=reportType, businessId=businessId, reportFile=reportFile)
        return self.enqueue("report-ready", data, **how)

    def add_inventory_sync(
        self,
        *,
        businessId: str | int,
        externalSystem: str,
        syncType: Literal["full", "incremental"] = "incremental",
        **how: Unpack[Options],
    ) -> str:
        """Take over the stock of another system, a source named in the settings. Returns the job's id."""
        data = {"businessId": businessId, "externalSystem": externalSystem, "syncType": syncType}
        return self.enqueue("sync-external", data, **how)

    def add_bulk_update(
        self, *, businessId: str | int, items: Sequence[Mapping[str, Any]], **how: Unpack[Options]
    ) -> list[str]:
        """Set quantities of products, `{sku, quantity}` each: a job for every 100. Returns their ids, in order."""
        slices = [
            list(items[start : start + MAX_BULK_UPDATE_ITEMS]) for start in range(0, len(items), MAX_BULK_UPDATE_ITEMS)
        ]
        return self.enqueue_many("bulk-update", [{"businessId": businessId, "items": some} for some in slices], **how)

    def add_report_generation(
        self,
        *,
        businessId: str | int,
        reportType: str,
        filters: Mapping[str, Any] | None = None,
        format: Literal["csv", "json", "html"] | None = None,
        userEmail: str | None = None,
        **how: Unpack[Options],
    ) -> str:
        """Make a report, then mail `userEmail` that it is ready. Returns the job's id.

        `filters` may hold startDate and endDate, YYYY-MM-DD. Without `format` all are made.
        """
        data = _given(businessId=businessId, reportType=reportType, filters=filters, format=format, userEmail=userEmail)
        return self.enqueue("generate-report", data, **how)

    def add_inventory_import(
        self, *, businessId: str | int, file: str, userEmail: str | None = None, **how: Unpack[Options]
    ) -> str:
        """Import a CSV file that lies inside UPLOAD_DIR. Returns the job's id."""
        data = _given(businessId=businessId, file=file, userEmail=userEmail)
        return self.enqueue("process-inventory-import", data, **how)

    def add_inventory_export(
        self,
        *,
        businessId: str | int,
        format: Literal["csv", "json"] = "csv",
        filters: Mapping[str, Any] | None = None,
        userEmail: str | None = None,
        **how: Unpack[Options],
    ) -> str:
        """Write the stock to a file in EXPORTS_DIR. Returns the job's id."""
        data = _given(businessId=businessId, format=format, filters=filters, userEmail=userEmail)
        return self.enqueue("process-inventory-export", data, **how)

    def send_message(
        self,
        *,
        senderId: str | int,
        receiverId: str | int,
        text: str | None = None,
        image: str | None = None,
        **how: Unpack[Options],
    ) -> str:
        """Store a chat message, deliver it, and tell the receiver; of high priority. Returns the job's id."""
        data = _given(senderId=senderId, receiverId=receiverId, text=text, image=image)
        return self.enqueue("process-message", data, **how)

    def notify(
        self,
        *,
        receiverId: str | int,
        text: str,
        kind: str | None = None,
        data: Mapping[str, Any] | None = None,
        **how: Unpack[Options],
    ) -> str:
        """Tell a receiver something, in the way they chose. Returns the job's id."""
        return self.enqueue("notify", _given(receiverId=receiverId, text=text, kind=kind, data=data), **how)

    def set_notification_preference(
        self,
        *,
        receiverId: str | int,
        by: Literal["app", "webhook", "email"],
        target: str | None = None,
        **how: Unpack[Options],
    ) -> str:
        """Have a receiver be told in the app alone, or at the URL or address `target` too; of high priority.

        A target that nothing may be sent to makes a dead letter, and the wish before stays. Returns the job's id.
        """
        data = _given(receiverId=receiverId, by=by, target=target)
        return self.enqueue("set-notification-preference", data, **how)


def _given(**data: Any) -> dict[str, Any]:
    """The arguments that were given."""
    return {name: value for name, value in data.items() if value is not None}


def _tell(jobs: Sequence[NewJob], created: Sequence[bool]) -> None:
    """A log line for each job that was created, where the application hears such lines."""
    if not log.isEnabledFor(logging.INFO):
        return
    for job, is_new in zip(jobs, created, strict=True):
        if is_new:
            told = {"event": "submit", "jobId": job.id, "traceId": job.trace, "userId": job.owner}
            log.info("job %s of %s: %s submitted", job.id, job.queue, job.name, extra=told)
