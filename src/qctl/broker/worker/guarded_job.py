"""The job class of qctl's workers: it runs only allowed functions, and writes events with every change of state.

RQ imports any function that a job names, so every client that can write to Redis can run `os.system` (measured, also
with JSON payloads). Here a name must be in the catalog or match QCTL_ALLOWED_JOBS, and so must the function that it
resolves to: `myapp.tasks.os.system` matches `myapp.tasks.*`, the function behind it does not.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from fnmatch import fnmatchcase
from typing import Any, ClassVar

from redis.client import Pipeline
from rq.job import UNEVALUATED, Job, JobStatus, Retry
from rq.queue import Queue
from rq.results import Result
from rq.utils import import_attribute

from qctl import catalog
from qctl.broker.bookkeeping import counters, dead_letter_index, events
from qctl.broker.redis import clock, keys
from qctl.broker.worker import follow_ups
from qctl.errors import ForbiddenJobError, UnreadableJobError

BATCH_HANDLERS = frozenset(spec.handler for spec in catalog.JOBS.values() if spec.batch)
"""Handlers whose argument is a batch of items: it is dropped with the success."""


class GuardedJob(Job):
    """A job that resolves only allowed functions. `allowed` holds patterns of QCTL_ALLOWED_JOBS."""

    allowed: ClassVar[tuple[str, ...]] = ()
    allowed_webhooks: ClassVar[tuple[str, ...]] = ()
    """URLs of QCTL_ALERT_WEBHOOKS, below which webhooks may be sent."""
    waited: float | None = None
    """Time (s) that it waited before this run, if it was enqueued and has started."""
    prefetched = False
    """True if it was claimed together with a job before it, and waited for that."""
    _definition: str | None = None
    """The dotted name under which the function was found to be defined."""

    @classmethod
    def may_run(cls, name: object) -> bool:
        """Tell whether a function of this dotted name may run."""
        return isinstance(name, str) and (
            catalog.current_handler(name) in catalog.HANDLERS or any(_matches(name, pattern) for pattern in cls.allowed)
        )

    def check(self) -> None:
        """Raise UnreadableJobError or ForbiddenJobError if this job must not run. Imports nothing."""
        try:
            if self._func_name is UNEVALUATED:  # a batch is large: it is read once
                self._deserialize_data()
        except Exception as error:
            raise UnreadableJobError(f"its payload is not JSON: {type(error.__cause__ or error).__name__}") from error
        if not isinstance(self._args, (list, tuple)) or not isinstance(self._kwargs, Mapping):
            raise UnreadableJobError("its payload is not [function, null, arguments, keywords]")
        if self._instance is not None:
            raise ForbiddenJobError("it calls a method of an object, which qctl does not build from a payload")
        if not self.may_run(self._func_name):
            raise ForbiddenJobError(f"it names {self._func_name!r}, which QCTL_ALLOWED_JOBS does not allow")

    def _deserialize_data(self) -> None:
        super()._deserialize_data()
        if isinstance(self._func_name, str):
            self._func_name = catalog.current_handler(self._func_name)

    @property
    def func(self) -> Callable[..., Any]:
        """The function to call. Raises ForbiddenJobError if the name resolves to a function that is not allowed."""
        self.check()
        name = str(self._func_name)
        function = import_attribute(name)
        definition = f"{getattr(function, '__module__', None)}.{getattr(function, '__qualname__', None)}"
        if not callable(function) or not self.may_run(definition):
            raise ForbiddenJobError(f"it names {name!r}, which is {definition}")
        self._definition = definition
        return function

    @property
    def label(self) -> str:
        """The name that its runs are counted under: the job's in the catalog, else its function's.

        `?` if the function was never found, because names come from outside, and each would make new counters.
        """
        name = catalog.name_of(str(self._definition or self.func_name))
        return name if self._definition or name != self.func_name else "?"

    def _allowed_callback(self, name: str | None) -> Any:
        if name is None or not self.may_run(name):
            return None
        function = import_attribute(catalog.current_handler(name))
        return function if self.may_run(f"{function.__module__}.{function.__qualname__}") else None

    @property
    def success_callback(self) -> Any:
        """The callback if it is allowed; any other is ignored."""
        return self._allowed_callback(self._success_callback_name)

    @property
    def failure_callback(self) -> Any:
        """The callback if it is allowed; any other is ignored."""
        return self._allowed_callback(self._failure_callback_name)

    @property
    def stopped_callback(self) -> Any:
        """The callback if it is allowed; any other is ignored."""
        return self._allowed_callback(self._stopped_callback_name)

    def send_webhooks(self, status: str | JobStatus, *, exc_string: str | None = None) -> None:
        """Send the webhooks for this status whose URL is allowed."""
        for webhook in self.webhooks:
            if webhook.job_status == status:
                follow_ups.send_webhook(self, webhook, exc_string, self.allowed_webhooks)

    def record_omitted_callback(self, pipe: Pipeline, ending: str, name: str | None) -> None:
        """Record, in the transaction that ends a run, that its callback is not allowed."""
        if name is not None and not self.may_run(name):
            follow_ups.record_omitted(pipe, self, f"{ending} callback", name, "QCTL_ALLOWED_JOBS")

    @property
    def trace(self) -> str | None:
        """The trace id that the producer gave."""
        return self._note("trace_id")

    @property
    def owner(self) -> str | None:
        """The owner that the producer gave."""
        return self._note("owner")

    def _note(self, name: str) -> str | None:
        value = self.meta.get(name) if isinstance(self.meta, dict) else None
        return value if isinstance(value, str) else None

    @property
    def ran(self) -> float | None:
        """The duration of the run in seconds."""
        if not (self.started_at and self.ended_at):
            return None
        return max(0.0, (self.ended_at - self.started_at).total_seconds())

    @property
    def run_ms(self) -> int | None:
        """The duration of the run in milliseconds."""
        return None if self.ran is None else round(self.ran * 1000)

    def drop_items(self) -> None:
        """Drop a batch's items, because they are in the sink."""
        if self.func_name in BATCH_HANDLERS:
            self.data = self.serializer.dumps((self.func_name, None, [[]], {}))

    def retry(self, queue: Queue, pipeline: Pipeline) -> None:
        """Schedule the next attempt in `pipeline`.

        RQ sets the status outside of it, and loses the job if it crashes between the two.
        """
        delay = self.get_retry_interval()
        self.retries_left = (self.retries_left or 1) - 1
        self._schedule_attempt(queue, pipeline, delay)

    def _handle_retry_result(self, queue: Queue, pipeline: Pipeline, retry: Retry, **kwargs: Any) -> None:  # type: ignore[override]
        """Schedule the next attempt of a job that returned a Retry, all in `pipeline`."""
        Result.create_retried(self, self.failure_ttl, return_value=retry, pipeline=pipeline, **kwargs)
        delay = Retry.get_interval(self.number_of_retries or 0, retry.intervals)
        self.number_of_retries = (self.number_of_retries or 0) + 1
        self.enqueue_at_front_on_retry = self.enqueue_at_front_on_retry or retry.enqueue_at_front
        self._schedule_attempt(queue, pipeline, delay)

    def _schedule_attempt(self, queue: Queue, pipeline: Pipeline, delay: float) -> None:
        if delay:
            # The registry keeps whole seconds: rounded up, so that no attempt is too early.
            due = math.ceil(clock.now_ms(self.connection) / 1000 + delay)
            self._status = JobStatus.SCHEDULED
            queue.schedule_job(self, datetime.fromtimestamp(due, timezone.utc), pipeline=pipeline)
        else:
            queue._enqueue_job(self, pipeline=pipeline, at_front=self.enqueue_at_front_on_retry)
        counters.increment(pipeline, queue.name, "retried")
        events.record(
            pipeline,
            "retried",
            queue=queue.name,
            job=self.id,
            trace=self.trace,
            worker=self.worker_name,
            ms=self.run_ms,
        )

    def _handle_failure(self, exc_string: str, pipeline: Pipeline, *args: Any, **kwargs: Any) -> None:
        """Make it a dead letter, which is kept until an operator acts, unless the producer set a TTL."""
        if self.failure_ttl is None:
            self.failure_ttl = dead_letter_index.NEVER_EXPIRES_TTL
        super()._handle_failure(exc_string, pipeline, *args, **kwargs)
        self.add_dead_letter(pipeline, exc_string)

    def add_dead_letter(self, pipeline: Pipeline, problem: str) -> None:
        """Add it to the index of dead letters, with its event.

        With a `failure_ttl` of 0, RQ deletes the job except for its registry entry. Only an event is written then,
        because a new field would create its hash again.
        """
        fields = {"trace": self.trace, "worker": self.worker_name, "ms": self.run_ms}
        if self.failure_ttl == 0:
            pipeline.zrem(keys.failed(self.origin), self.id)
            reason = dead_letter_index.last_line(problem)[: dead_letter_index.MAX_REASON_CHARACTERS]
            events.record(pipeline, "discarded", queue=self.origin, job=self.id, reason=reason, **fields)
            return
        dead_letter_index.add(pipeline, self.origin, self.id, str(self._func_name), problem, **fields)


def guarded_class(allowed: tuple[str, ...], webhooks: tuple[str, ...] = ()) -> type[GuardedJob]:
    """The job class of a worker that may run the catalog and functions that match these patterns, and send webhooks to
    URLs below these."""
    return type("GuardedJob", (GuardedJob,), {"allowed": allowed, "allowed_webhooks": webhooks})


def _matches(name: str, pattern: str) -> bool:
    """Match a dotted name part by part. A wildcard matches no private part, and imports no module that is not named."""
    if name == pattern:
        return True
    parts, patterns = name.split("."), pattern.split(".")
    return len(parts) == len(patterns) and all(
        part == wanted or (not part.startswith("_") and fnmatchcase(part, wanted))
        for part, wanted in zip(parts, patterns, strict=True)
    )
