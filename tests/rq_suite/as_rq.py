"""qctl's workers with the constructor and the methods that RQ's tests use.

They do with a job what qctl's workers do. Only their interface is RQ's: a list of queues or their names instead of
settings, and methods that RQ's tests call one by one, on jobs that no worker has claimed; these are claimed first.
"""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Sequence
from typing import Any
from unittest import mock

from redis import Redis
from rq.executions import Execution
from rq.job import Job
from rq.queue import Queue
from rq.serializers import resolve_serializer
from rq.utils import ensure_job_list, get_connection_from_queues

from qctl.broker.redis import keys
from qctl.broker.worker import rq_adapter
from qctl.broker.worker.claims import Claimant
from qctl.broker.worker.rq_adapter import Isolation, QctlWorker
from qctl.settings import Settings

OPTIONS = ("default_result_ttl", "job_monitoring_interval", "maintenance_interval", "disable_default_exception_handler")
"""Options of RQ's constructor that are attributes of the same name."""


class StandIn(QctlWorker):
    """A qctl worker that is constructed and called like RQ's."""

    isolation: Isolation
    _works = False

    def __init__(
        self,
        queues: str | Queue | Sequence[str | Queue],
        name: str | None = None,
        connection: Redis | None = None,
        exception_handlers: Any = None,
        serializer: Any = None,
        prepare_for_work: bool = True,
        **options: Any,
    ) -> None:
        listed = ensure_job_list(queues)
        connection = connection or get_connection_from_queues(listed)
        names = [queue if isinstance(queue, str) else queue.name for queue in listed]
        settings = Settings.load(environ={}).replace(allowed_jobs=("*",))
        members = {"name": property(lambda _: name, lambda *_: None)} if name else {}
        with mock.patch.object(rq_adapter, "Claimant", type("Claimant", (Claimant,), members)):
            super().__init__(names, self._set_connection(connection), settings, self.isolation)
        self.serializer = self.jobs.serializer = resolve_serializer(serializer)
        # RQ's tests spy on execute_job, which RQ's own loop calls.
        self._execute = self.loop.execute
        self.loop.execute = lambda job, queue: self.execute_job(job, queue)  # type: ignore[method-assign]
        if prepare_for_work:
            self.hostname, self.pid = socket.gethostname(), os.getpid()
            self._set_ip_address(self.connection)
        for option in OPTIONS:
            if options.get(option) is not None:
                setattr(self, option, options[option])
        for handler in exception_handlers if isinstance(exception_handlers, (list, tuple)) else [exception_handlers]:
            if handler is not None:
                self.push_exc_handler(handler)

    def execute_job(self, job: Job, queue: Queue) -> None:
        self._execute(job, queue)

    def work(self, burst: bool = False, *_: Any, max_jobs: int | None = None, **__: Any) -> bool:  # type: ignore[override]
        """Work as qctl's worker does under its daemon, also again on the same object, as RQ's tests do."""
        before = {each: signal.signal(each, self._on_signal) for each in (signal.SIGTERM, signal.SIGINT)}
        self._works = True
        try:
            return super().work(burst, max_jobs)
        finally:
            self._works = False
            for each, handler in before.items():
                signal.signal(each, handler)

    def _on_signal(self, *_: Any) -> None:
        if self.loop.is_draining:
            self.request_abort()
        self.request_drain()

    def _claim(self, job: Job) -> None:
        """Claim a job that a test passes by itself, and make it one of the worker's class."""
        if not self._works:
            job.__class__ = self.job_class
            self.connection.hset(keys.claims(job.origin), job.id, f"{self.name}|{int(time.time() * 1000)}")

    def prepare_execution(self, job: Job) -> Execution:
        self._claim(job)
        return super().prepare_execution(job)

    def prepare_job_execution(self, job: Job, *_: Any, **__: Any) -> None:
        self._claim(job)
        super().prepare_job_execution(job)

    def perform_job(self, job: Job, *args: Any, **kwargs: Any) -> bool:
        self._claim(job)
        return super().perform_job(job, *args, **kwargs)

    def handle_job_success(self, job: Job, *args: Any, **kwargs: Any) -> None:
        self._claim(job)
        super().handle_job_success(job, *args, **kwargs)

    def handle_job_failure(self, job: Job, *args: Any, **kwargs: Any) -> None:
        self._claim(job)
        super().handle_job_failure(job, *args, **kwargs)

    def handle_job_retry(self, job: Job, *args: Any, **kwargs: Any) -> None:
        self._claim(job)
        super().handle_job_retry(job, *args, **kwargs)

    def cleanup_execution(self, job: Any, *args: Any, **kwargs: Any) -> None:
        self._claim(job)
        super().cleanup_execution(job, *args, **kwargs)


class InlineStandIn(StandIn):
    """The inline worker, constructed and called like RQ's."""

    isolation = "inline"


class ForkStandIn(StandIn):
    """The forking worker, constructed and called like RQ's."""

    isolation = "fork"
