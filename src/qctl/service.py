"""Python API for applications that create jobs: by name, with arguments checked before they are enqueued.

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

from qctl import catalog, logs
from qctl.broker.admin import bulk
from qctl.broker.admin.move_jobs import Cancel
from qctl.broker.bookkeeping import events, inbox
from qctl.broker.bookkeeping.budgets import Shares
from qctl.broker.bookkeeping.user_sessions import Token
from qctl.broker.producer import enqueue, owner_limits
from qctl.broker.producer.enqueue import NewJob
from qctl.broker.producer.owner_limits import OwnerLimits
from qctl.broker.query import job_detail, locate_jobs, owned_jobs, stats_snapshot, wait_for_jobs
from qctl.broker.redis import replication
from qctl.broker.redis.connection import connect, translate_errors, translated
from qctl.broker.worker import job_context
from qctl.catalog import arguments
from qctl.catalog import options as job_options
from qctl.catalog.builtin import MAX_BULK_UPDATE_ITEMS
from qctl.catalog.options import Options
from qctl.catalog.original_options import OriginalOptions, converted
from qctl.errors import JobFailedError, NotFoundError, QctlError, RefusedError, WaitTimeoutError
from qctl.models import ChosenJobs, JobDetail, OwnedJob, Selection, ignore_progress
from qctl.settings import Settings

if TYPE_CHECKING:
    from typing_extensions import Unpack

submissions = logs.FrequentEvents(logging.getLogger(__name__))

RETRY_SECONDS = 5.0
"""Time to retry a call while Redis is unreachable, before it raises."""


class QueueService:
    """Creates jobs and reports on them. Thread-safe: one instance serves a whole application.

    Every call that creates a job takes the options of `qctl.catalog.options.Options`. It raises UsageError if an
    argument or option is invalid (nothing is enqueued then), NotFoundError if no job has that name, RateLimitedError
    if the owner has reached a limit, BackpressureError if Redis is out of memory, BudgetError if the jobs of all owners
    or the queue's dead letters fill their share of it, and RedisUnreachableError if Redis does not reply for 5 s. After
    that error the job may or may not exist: repeat the call with the same `unique` key or `job_id`, which never creates
    it twice.
    """

    def __init__(self, settings: Settings | str | None = None, *, retry_seconds: float = RETRY_SECONDS) -> None:
        """`settings`: Settings or the URL of a Redis server; by default they are read from the environment and `.env`.

        `retry_seconds`: how long to retry while Redis is unreachable. Connects on first use. Raises SettingsError.
        """
        if isinstance(settings, str):
            settings = Settings.load({"REDIS_URL": settings})
        self._settings = settings or Settings.load()
        self._redis = connect(self._settings, name="qctl-producer")
        self._limits = OwnerLimits(self._settings.owner_per_minute, self._settings.owner_active)
        self._retry_seconds = retry_seconds

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

    def enqueue(self, name: str, data: Mapping[str, Any] | None = None, **options: Unpack[Options]) -> str:
        """Create a job by its name in the catalog or in `@job`. `data`: its arguments.

        Returns its id, or the id of the existing job with the same `unique` key or `job_id`.
        """
        return self.enqueue_many(name, [data or {}], **options)[0]

    def enqueue_many(self, name: str, data: Iterable[Mapping[str, Any]], **options: Unpack[Options]) -> list[str]:
        """Create one job for each item of `data`, in this order, 100 per round trip. Returns their ids.

        With `unique` or `job_id` the ids of the second and later jobs end in `-1`, `-2`, ... All arguments are checked
        before the first job is created. If Redis becomes unreachable midway, the first jobs may exist.
        """
        options = job_options.in_seconds(options)
        jobs = self._new_jobs(name, list(data), options)
        settings = self._settings
        with translate_errors(settings):
            created = enqueue.create(
                self._redis,
                jobs,
                at=options.get("at"),
                delay=float(options.get("delay", 0.0)),
                limits=self._limits,
                shares=Shares.of(settings),
                actor=events.actor(),
                retry_seconds=self._retry_seconds,
            )
        _log_created(jobs, created)
        return [job.id for job in jobs]

    def new_job(self, name: str, data: Mapping[str, Any], **options: Unpack[Options]) -> NewJob:
        """Check a job that `create_each` shall create. It cannot be scheduled: options `at` and `delay` do nothing."""
        return self._new_jobs(name, [data], job_options.in_seconds(options))[0]

    def create_each(
        self, jobs: Sequence[NewJob], tokens: Sequence[Token | None], *, retry_seconds: float
    ) -> list[QctlError | None]:
        """Create jobs of any kind in one round trip. Returns for each the error that `enqueue` raises, None without.

        `tokens`: for each job the token of its owner, if that must be open; else the error is LoggedOutError.

        Raises RedisUnreachableError; then any of them may exist.
        """
        settings = self._settings
        with translate_errors(settings):
            outcomes = enqueue.create_each(
                self._redis,
                jobs,
                tokens,
                limits=self._limits,
                shares=Shares.of(settings),
                actor=events.actor(),
                retry_seconds=retry_seconds,
            )
        _log_created(jobs, [outcome is True for outcome in outcomes])
        return [translated(outcome, settings) if isinstance(outcome, Exception) else None for outcome in outcomes]

    def _new_jobs(self, name: str, every_data: Sequence[Mapping[str, Any]], options: Options) -> list[NewJob]:
        spec = catalog.jobs(self._settings.jobs_modules).get(name)
        if spec is None or spec.batch:
            raise NotFoundError(f"job {name!r} is not in the catalog")
        job_options.check(options)
        for values in every_data:
            arguments.check(name, spec.arguments, values)
        trace = options.get("trace_id") or job_context.trace() or uuid.uuid4().hex
        return [
            NewJob.from_spec(spec, values, options, self._settings, id=id_, trace=trace)
            for id_, values in zip(job_options.ids(name, options, len(every_data)), every_data, strict=True)
        ]

    def check_limits(self, owner: str) -> None:
        """Raise RateLimitedError if a job of this owner would be refused now. Creates nothing.

        Call it before work for a job that may be refused, such as a check of its files. Raises RedisUnreachableError.
        """
        with translate_errors(self._settings):
            owner_limits.check(self._redis, owner, self._limits)

    # --- after creation --------------------------------------------------------------------------------

    def status(self, job_id: str) -> JobDetail:
        """Read the details of a job: `state`, `progress` in its notes, attempts, events.

        Raises NotFoundError if Redis does not have the job, and RedisUnreachableError.
        """
        with translate_errors(self._settings):
            detail = job_detail.read(self._redis, job_id, stats_snapshot.queue_names(self._redis))
        if detail is None:
            raise NotFoundError(f"job {job_id!r} not found")
        return detail

    def jobs_of(self, owner: str) -> list[OwnedJob]:
        """List the jobs created with this `owner` that Redis still has, the newest first.

        Finished jobs expire after QCTL_KEEP_FINISHED seconds. Raises RedisUnreachableError.
        """
        with translate_errors(self._settings):
            return owned_jobs.read(self._redis, owner)

    def owned_jobs(self, ids: Sequence[str]) -> list[OwnedJob]:
        """List the jobs among `ids` that have an owner and that Redis still has, in the same order.

        Raises RedisUnreachableError.
        """
        with translate_errors(self._settings):
            return owned_jobs.read_ids(self._redis, ids)

    def delivered_message(self, receiver: str, position: str) -> dict[str, Any] | None:
        """Read the chat message at a position of a receiver's inbox. Returns None if it has been dropped.

        Raises RedisUnreachableError.
        """
        with translate_errors(self._settings):
            return inbox.read_one(self._redis, receiver, position)

    def cancel(self, job_id: str) -> bool:
        """Cancel a waiting or scheduled job. Returns True if it was canceled, False if it had ended before.

        Raises NotFoundError, RefusedError if it is running, and RedisUnreachableError.
        """
        with translate_errors(self._settings):
            located, _ = locate_jobs.locate(self._redis, [job_id], stats_snapshot.queue_names(self._redis))
            if not located:
                raise NotFoundError(f"job {job_id!r} not found")
            queue, state, location = located[0]
            if state == "started":
                raise RefusedError(f"job {job_id!r} is running", hint=f"qctl job stop {quote(job_id)}")
            if state not in Cancel.states:
                return False
            positions = [location.position or 0] if state == "queued" else []
            selection = Selection([ChosenJobs(queue, state, [job_id.encode()], positions)])
            done = bulk.run(self._redis, selection, Cancel(events.actor()), progress=ignore_progress).done
            replication.confirm(self._redis)
            return done == 1

    def result(self, job_id: str, *, timeout: float = 0.0) -> Any:
        """Wait up to `timeout` seconds for a job to finish. Returns its return value; None if not JSON or not stored.

        Raises NotFoundError, JobFailedError if it did not succeed, WaitTimeoutError, and RedisUnreachableError.
        """
        with translate_errors(self._settings):
            if wait_for_jobs.read_statuses(self._redis, [job_id])[job_id].status == "gone":
                raise NotFoundError(f"job {job_id!r} not found")
            seen, _ = wait_for_jobs.wait_until(
                self._redis, [job_id], timeout, lambda _, now: now.status in wait_for_jobs.END_STATUSES
            )
            status = seen[job_id].status
            if status not in wait_for_jobs.END_STATUSES:
                raise WaitTimeoutError(f"job {job_id!r} is still {status} after {timeout:g} s")
            if status not in ("finished", "gone"):
                raise JobFailedError(f"job {job_id!r} is {status}", hint=f"qctl job show {quote(job_id)}")
            returned = job_detail.value(self._redis, job_id)
        return None if returned is None else json.loads(returned)

    # --- one method for each job of the original systems: docs/compatibility.md ---------------------------

    def add_welcome_email(self, *, userEmail: str, userName: str, **options: Unpack[OriginalOptions]) -> str:
        """Send a welcome email to a new user. Returns the job's id."""
        return self.enqueue("welcome-email", {"userEmail": userEmail, "userName": userName}, **converted(options))

    def add_password_reset(
        self, *, userEmail: str, resetUrl: str, userName: str | None = None, **options: Unpack[OriginalOptions]
    ) -> str:
        """Send an email with a link to set a new password. Returns the job's id."""
        return self.enqueue(
            "password-reset",
            _without_none(userEmail=userEmail, resetUrl=resetUrl, userName=userName),
            **converted(options),
        )

    def add_low_stock_alert(
        self,
        *,
        userEmail: str,
        items: Sequence[Mapping[str, Any]],
        businessId: str | int | None = None,
        **options: Unpack[OriginalOptions],
    ) -> str:
        """Send an alert that `items` (`{sku, quantity}`) are running low, at high priority. Returns the job's id."""
        data = _without_none(userEmail=userEmail, items=list(items), businessId=businessId)
        return self.enqueue("low-stock-alert", data, **converted(options))

    def add_report_ready(
        self,
        *,
        userEmail: str,
        reportType: str,
        businessId: str | int | None = None,
        reportFile: str | None = None,
        **options: Unpack[OriginalOptions],
    ) -> str:
        """Send an email that a report is ready. `reportFile`: its name in EXPORTS_DIR. Returns the job's id."""
        data = _without_none(userEmail=userEmail, reportType=reportType, businessId=businessId, reportFile=reportFile)
        return self.enqueue("report-ready", data, **converted(options))

    def add_inventory_sync(
        self,
        *,
        businessId: str | int,
        externalSystem: str,
        syncType: Literal["full", "incremental"] = "incremental",
        **options: Unpack[OriginalOptions],
    ) -> str:
        """Import the stock of another system, named in QCTL_SOURCES. Returns the job's id."""
        data = {"businessId": businessId, "externalSystem": externalSystem, "syncType": syncType}
        return self.enqueue("sync-external", data, **converted(options))

    def add_bulk_update(
        self, *, businessId: str | int, items: Sequence[Mapping[str, Any]], **options: Unpack[OriginalOptions]
    ) -> list[str]:
        """Set the quantities of `items` (`{sku, quantity}`), 100 per job. Returns the ids of the jobs, in order."""
        slices = [
            list(items[start : start + MAX_BULK_UPDATE_ITEMS]) for start in range(0, len(items), MAX_BULK_UPDATE_ITEMS)
        ]
        return self.enqueue_many(
            "bulk-update", [{"businessId": businessId, "items": part} for part in slices], **converted(options)
        )

    def add_report_generation(
        self,
        *,
        businessId: str | int,
        reportType: str,
        filters: Mapping[str, Any] | None = None,
        format: Literal["csv", "json", "html"] | None = None,
        userEmail: str | None = None,
        **options: Unpack[OriginalOptions],
    ) -> str:
        """Generate a report, then notify `userEmail` that it is ready. Returns the job's id.

        `filters`: optional startDate and endDate, YYYY-MM-DD. Without `format` the report is written in all formats.
        """
        data = _without_none(
            businessId=businessId, reportType=reportType, filters=filters, format=format, userEmail=userEmail
        )
        return self.enqueue("generate-report", data, **converted(options))

    def add_inventory_import(
        self, *, businessId: str | int, file: str, userEmail: str | None = None, **options: Unpack[OriginalOptions]
    ) -> str:
        """Import a CSV file in UPLOAD_DIR. Returns the job's id."""
        data = _without_none(businessId=businessId, file=file, userEmail=userEmail)
        return self.enqueue("process-inventory-import", data, **converted(options))

    def add_inventory_export(
        self,
        *,
        businessId: str | int,
        format: Literal["csv", "json"] = "csv",
        filters: Mapping[str, Any] | None = None,
        userEmail: str | None = None,
        **options: Unpack[OriginalOptions],
    ) -> str:
        """Export the stock to a file in EXPORTS_DIR. Returns the job's id."""
        data = _without_none(businessId=businessId, format=format, filters=filters, userEmail=userEmail)
        return self.enqueue("process-inventory-export", data, **converted(options))

    def send_message(
        self,
        *,
        senderId: str | int,
        receiverId: str | int,
        text: str | None = None,
        image: str | None = None,
        file: Mapping[str, Any] | None = None,
        **options: Unpack[Options],
    ) -> str:
        """Store and deliver a chat message and notify the receiver, at high priority. Returns the job's id."""
        data = _without_none(senderId=senderId, receiverId=receiverId, text=text, image=image, file=file)
        return self.enqueue("process-message", data, **options)

    def notify(
        self,
        *,
        receiverId: str | int,
        text: str,
        kind: str | None = None,
        data: Mapping[str, Any] | None = None,
        **options: Unpack[Options],
    ) -> str:
        """Notify a receiver by the channel they chose. Returns the job's id."""
        return self.enqueue("notify", _without_none(receiverId=receiverId, text=text, kind=kind, data=data), **options)

    def set_notification_preference(
        self,
        *,
        receiverId: str | int,
        by: Literal["app", "webhook", "ntfy", "push", "email"],
        target: str | None = None,
        **options: Unpack[Options],
    ) -> str:
        """Set the channel for a receiver's notifications, at high priority: the app alone, or `target` as well.

        `target`: the URL of a webhook or of a topic of ntfy, or an email address;
        push needs none. If it is not allowed, the job becomes
        a dead letter and the previous preference stays. Returns the job's id.
        """
        data = _without_none(receiverId=receiverId, by=by, target=target)
        return self.enqueue("set-notification-preference", data, **options)


def _without_none(**data: Any) -> dict[str, Any]:
    return {name: value for name, value in data.items() if value is not None}


def _log_created(jobs: Sequence[NewJob], created: Sequence[bool]) -> None:
    lines = [
        (
            f"job {job.id} of {job.queue}: {job.name} submitted",
            {"event": "submit", "jobId": job.id, "traceId": job.trace, "userId": job.owner},
        )
        for job, is_new in zip(jobs, created, strict=True)
        if is_new
    ]
    submissions.log_each(logging.INFO, lines)
