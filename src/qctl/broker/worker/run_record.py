"""RQ's record of a run: which worker runs which job, since when. RQ's tools show it and stop runs by it.

RQ writes it before each run and removes it after, with at least seven commands. For a fast-path job it is written only
once the run has lasted a while, because a run of a few milliseconds is too short to be seen in a list of workers. The
status of the job and the registry of started jobs show from the first moment that it has started.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field

from redis import Redis
from rq.executions import Execution

from qctl.broker.redis import keys
from qctl.broker.redis.scripts import Script
from qctl.broker.worker.claim_request import RecordKeys

RECORD_AFTER_SECONDS = 0.2
"""Time (s) after which a run is recorded."""

_record = Script("worker/record")


@dataclass
class _Run:
    queue: str
    execution: Execution
    ttl: int
    began_at: float = field(default_factory=time.monotonic)
    may_be_recorded: bool = False
    """Redis was asked to record it, and may have done so."""
    is_recorded: bool = False


class RunRecord:
    """The record of the current run of a fast-path job. The lease thread writes it, the main thread begins and ends."""

    def __init__(self, connection: Redis, worker_name: str) -> None:
        self._redis = connection
        self._worker_name = worker_name
        self._lock = threading.Lock()
        self._run: _Run | None = None

    def begin(self, queue: str, execution: Execution, ttl: int) -> None:
        """Begin a run. Its record lives for `ttl` seconds, unless RQ's heartbeat renews it."""
        with self._lock:
            self._run = _Run(queue, execution, ttl)

    def end(self) -> RecordKeys | None:
        """End the run; it is not recorded after this. Returns the keys of its record if there may be one."""
        with self._lock:
            run, self._run = self._run, None
        return self._keys(run.execution) if run and run.may_be_recorded else None

    def write_if_older(self, seconds: float = RECORD_AFTER_SECONDS) -> None:
        """Record the run if it has lasted so long. Raises redis-py's exceptions."""
        with self._lock:
            run = self._run
            if run is None or run.is_recorded or time.monotonic() - run.began_at < seconds:
                return
            run.may_be_recorded = True
        self._write(run)
        with self._lock:
            run.is_recorded = True

    def _write(self, run: _Run) -> None:
        execution = run.execution
        _record(
            self._redis,
            started=keys.started(run.queue),
            worker=keys.worker(self._worker_name),
            **self._keys(execution)._asdict(),
            intermediate=keys.intermediate(run.queue),
            job_id=execution.job_id,
            execution_id=execution.id,
            worker_name=self._worker_name,
            started_at=execution.created_at.timestamp(),
            now=time.time(),
            ttl=run.ttl,
        )

    def _keys(self, execution: Execution) -> RecordKeys:
        job_id = execution.job_id
        run = keys.execution_prefix(job_id) + execution.id
        return RecordKeys(run, keys.executions(job_id), keys.worker_executions(self._worker_name))
