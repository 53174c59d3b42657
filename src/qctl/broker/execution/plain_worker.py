"""How a worker runs plain jobs: the end of one is written in the step that claims the next."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from redis.exceptions import RedisError
from rq.executions import Execution
from rq.worker import WorkerStatus

from qctl.broker.execution.claimant import Claim, Success, UnfinishedError
from qctl.broker.execution.plain import PlainJob, success, value_of
from qctl.broker.execution.record import Recorder
from qctl.broker.execution.settling import SettlingWorker

log = logging.getLogger(__name__)


@dataclass
class _Unwritten:
    """A plain job that succeeded, before that is written. `asked`: Redis was asked to, and may have done it."""

    job: PlainJob
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

    def note_success(self, job: PlainJob, value: Any) -> None:
        """A plain job returned: `next_claim` writes it."""
        self.leave_unwritten(job, success(job, value, job.result_ttl or self.default_result_ttl))

    def leave_unwritten(self, job: PlainJob, end: Success) -> None:
        """Have `next_claim` write this end."""
        record = self.recorder.end()
        self._unwritten = _Unwritten(job, end._replace(record=record) if record else end)
        self._done += 1
        self._worked += end.ran

    def take_unwritten(self) -> Success | None:
        """The end that is left to write, for somebody else to write it."""
        last, self._unwritten = self._unwritten, None
        return last.success if last else None

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
            self._worked -= last.success.ran
            queue = next(queue for queue in self.queues if queue.name == last.job.origin)
            execution = Execution(last.job.run, last.job.id, self.connection, self.name)
            self.succeeded(last.job, queue, execution, value_of(last.success.value))
        elif not last.asked:
            log.warning("job %s has ended before, or was given to another worker", last.job.id)

    def tell_done(self) -> None:
        """Add to RQ's counts of the worker what it has done since they were told."""
        now = self._done, self._worked
        if now == self._told:
            return
        with self.connection.pipeline() as pipe:
            pipe.hincrby(self.key, "successful_job_count", now[0] - self._told[0])
            pipe.hincrbyfloat(self.key, "total_working_time", now[1] - self._told[1])
            pipe.execute()
        self._told = now
