"""RQ's own record of a run: which worker runs which job, since when. RQ's tools show it and stop runs by it.

RQ writes it before each run and removes it after, seven commands and more. Of a plain job it is written only once the
run has lasted: who looks at workers sees no run of a few milliseconds anyway. That a job has started is never left
out: its status and the registry of started jobs say so from the first moment.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field

from redis import Redis
from rq.executions import Execution

from qctl.broker.redis import keys
from qctl.broker.redis.scripts import Script
from qctl.broker.worker.claim_protocol import RecordKeys

LASTS = 0.2
"""Seconds after which a run is recorded."""

_record = Script("worker/record")


@dataclass
class _Run:
    queue: str
    execution: Execution
    ttl: int
    began: float = field(default_factory=time.monotonic)
    recorded: bool = False
    """Redis was asked to, and may have done it."""
    known: bool = False
    """Redis has done it."""


class Recorder:
    """Records the run of the moment once it lasts. `glance` is called in another thread than the rest."""

    def __init__(self, connection: Redis, worker: str) -> None:
        self._redis = connection
        self._worker = worker
        self._run: _Run | None = None
        self._changing = threading.Lock()

    def begin(self, queue: str, execution: Execution, ttl: int) -> None:
        """A run begins. Its record lives for `ttl` seconds, unless RQ's heartbeat renews it."""
        self._run = _Run(queue, execution, ttl)

    def end(self) -> RecordKeys | None:
        """The run is over and will not be recorded any more. Returns the keys of its record if there may be one."""
        with self._changing:
            run, self._run = self._run, None
        return self._keys(run.execution) if run and run.recorded else None

    def glance(self, lasts: float = LASTS) -> None:
        """Record the run if it has lasted so many seconds. Raises what redis-py raises."""
        with self._changing:
            run = self._run
            if run is None or run.known or time.monotonic() - run.began < lasts:
                return
            run.recorded = True
        execution = run.execution
        _record(
            self._redis,
            started=keys.started(run.queue),
            worker=keys.worker(self._worker),
            **self._keys(execution)._asdict(),
            intermediate=keys.intermediate(run.queue),
            job_id=execution.job_id,
            execution_id=execution.id,
            worker_name=self._worker,
            started_at=execution.created_at.timestamp(),
            now=time.time(),
            ttl=run.ttl,
        )
        run.known = True

    def _keys(self, execution: Execution) -> RecordKeys:
        id_ = execution.job_id
        run = keys.execution_prefix(id_) + execution.id
        return RecordKeys(run, keys.executions(id_), keys.worker_executions(self._worker))
