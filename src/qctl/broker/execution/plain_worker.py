"""How a worker runs plain jobs: the end of one is written in the step that claims the next."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from redis.client import Pipeline
from redis.exceptions import RedisError
from rq.executions import Execution
from rq.worker import WorkerStatus

from qctl.broker.execution.claimant import Claim, Success, UnfinishedError
from qctl.broker.execution.plain import PlainJob, success
from qctl.broker.execution.record import Recorder
from qctl.broker.execution.settling import SettlingWorker

log = logging.getLogger(__name__)


@dataclass
class _Unwritten:
    """A plain job that succeeded, before that is written. `asked`: Redis was asked to, and may have done it."""

    job: PlainJob
    execution: Execution
    value: Any
    success: Success
    asked: bool = False


class PlainWorker(SettlingWorker):
    """What a worker of plain jobs adds to one that goes RQ's way. `QctlWorker` stands on it."""

    plain_class: type[PlainJob]
    recorder: Recorder
    _stop_requested: bool
    _unwritten: _Unwritten | None = None
    _done = 0
    _worked = 0.0
    _told = (0, 0.0)

    def plain_job(self, claim: Claim) -> PlainJob:
        """The job of a claim that came started. Raises ValueError where it cannot be read."""
        job = self.plain_class(claim, self.name, self.connection)
        execution = Execution(claim.execution, claim.job_id, self.connection, self.name)
        self.executions[execution.id] = execution
        self.recorder.begin(claim.queue, execution, self.get_heartbeat_ttl(job))
        self._state = WorkerStatus.BUSY
        return job

    def note_success(self, job: PlainJob, execution: Execution, value: Any) -> None:
        """A plain job returned: `next_claim` writes it."""
        ttl = job.result_ttl or self.default_result_ttl
        end = success(job, value, ttl, self.recorder.end())
        self._unwritten = _Unwritten(job, execution, value, end)
        self._done += 1
        self._worked += job.ran or 0.0

    def next_claim(self, queues: Sequence[str], timeout: float | None) -> Claim | None:
        """Claim the next job. Where the last one was plain, its end is written in the same step."""
        while True:
            last = self._unwritten
            try:
                claim = self.claimant.take(
                    queues, timeout, lambda: self._stop_requested, last.success if last else None
                )
            except UnfinishedError as error:
                self._write_otherwise(error)
                continue
            except RedisError:
                if last:
                    last.asked = True
                raise
            self._unwritten = None
            return claim

    def write_last(self) -> None:
        """Write the end of a plain job, if one is left to write, and claim nothing."""
        last = self._unwritten
        if last is None:
            return
        try:
            self.claimant.finish(last.success)
        except UnfinishedError as error:
            self._write_otherwise(error)
        except RedisError:
            last.asked = True
            raise
        self._unwritten = None

    def _write_otherwise(self, error: UnfinishedError) -> None:
        last, self._unwritten = self._unwritten, None
        if last is None:
            return
        if not error.lost:
            self._done -= 1  # RQ's own way counts it
            self._worked -= last.job.ran or 0.0
            queue = next(queue for queue in self.queues if queue.name == last.job.origin)
            self.succeeded(last.job, queue, last.execution, last.value)
        elif not last.asked:
            log.warning("job %s has ended before, or was given to another worker", last.job.id)

    def tell_done(self, pipe: Pipeline) -> tuple[int, float]:
        """Add to RQ's counts of the worker what it has done since they were told. Returns what they are then."""
        done, worked = now = self._done, self._worked
        if now != self._told:
            pipe.hincrby(self.key, "successful_job_count", done - self._told[0])
            pipe.hincrbyfloat(self.key, "total_working_time", worked - self._told[1])
        return now
