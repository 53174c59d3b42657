"""How a worker runs plain jobs: the ends of those that it has run are written in the step that claims the next."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from typing import Any

from redis.exceptions import RedisError
from rq.executions import Execution
from rq.worker import WorkerStatus

from qctl.broker.worker.claim_protocol import Claim, Success, Turns, UnfinishedError
from qctl.broker.worker.claims import GLANCE
from qctl.broker.worker.execution_record import LASTS, Recorder
from qctl.broker.worker.fast_path import PlainJob, success, value_of
from qctl.broker.worker.outcome_retries import SettlingWorker
from qctl.broker.worker.prefetch import LATE, Hand, Unwritten

log = logging.getLogger(__name__)


class PlainWorker(SettlingWorker):
    """What a worker of plain jobs adds to one that goes RQ's way. `QctlWorker` stands on it."""

    plain_class: type[PlainJob]
    recorder: Recorder
    hand: Hand
    aside: Turns
    """The turns of the lease thread."""
    _stop_requested: bool
    _done = 0
    _worked = 0.0
    _told = (0, 0.0)
    _told_at = 0.0

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
        with self.hand.lock:
            self.hand.unwritten.append(Unwritten(job, end._replace(record=record) if record else end))
        self._done += 1
        self._worked += end.seconds

    def take_unwritten(self) -> Success | None:
        """The end that is left to write, for somebody else to write it."""
        unwritten = self._take_unwritten()
        return unwritten[0].success if unwritten else None

    def next_claim(self, queues: Sequence[str], timeout: float | None) -> Claim | None:
        """Claim the next job, unless one waits in the hand. What has ended since the last claim is written with it."""
        while True:
            claim = self.hand.next()
            if claim is not None:
                return claim
            self.empty_hand()
            unwritten = self._take_unwritten()
            try:
                claims = self.claimant.turn(
                    queues,
                    timeout,
                    most=self.hand.most,
                    ends=[each.success for each in unwritten],
                    stopping=lambda: self._stop_requested,
                )
                self.hand.fill(claims, self.claimant.asked)
                if self.hand.is_many:
                    self.claimant.glance_within(LATE)
                if not claims:
                    return None
            except UnfinishedError as error:
                self._write_otherwise(unwritten, error)
            except RedisError:
                self._leave_asked(unwritten)
                raise

    def write_last(self) -> None:
        """Write the ends of plain jobs that are left to write, and claim nothing."""
        unwritten = self._take_unwritten()
        try:
            if unwritten:
                self.claimant.finish([each.success for each in unwritten])
        except UnfinishedError as error:
            self._write_otherwise(unwritten, error)
        except RedisError:
            self._leave_asked(unwritten)
            raise

    def forsake(self, queues: Sequence[str]) -> None:
        """Give back all that is claimed. Only where nothing runs."""
        self.hand.drop()
        self.claimant.forsaken(queues)

    def glance(self) -> None:
        """A few times a second, in the lease thread: say what was done, and see to it that a run which lasts is known
        to, and keeps nothing waiting. Raises what redis-py raises."""
        now = time.monotonic()
        if now - self._told_at >= LASTS:  # before a run is seen what ended before it has been told
            self._told_at = now + 1.0  # where that fails
            self.tell_done()
            self._told_at = now
        with self.hand.lock:
            if self.hand.is_late():
                self.recorder.glance(LATE)
                self._clear_hand()
                self.hand.seen_to()
        self.recorder.glance()
        self.claimant.glance = LATE if self.hand.is_many else GLANCE

    def _clear_hand(self) -> None:
        """In the lease thread, while the main thread is kept from looking into the hand."""
        self.empty_hand()
        unwritten = self._take_unwritten()
        try:
            if unwritten:
                self.aside.run((), (), [each.success for each in unwritten])
        except UnfinishedError:
            self._leave_asked(unwritten)  # the main thread knows what to do
        except RedisError:
            self._leave_asked(unwritten)
            raise

    def empty_hand(self) -> None:
        """Give back what waits in the hand. What is left where Redis fails still waits to be given back."""
        left = self.hand.drop()
        try:
            while left:
                self.claimant.give_back(left[0].queue, left[0].job_id)
                del left[0]
        except RedisError:
            self.hand.keep(left)
            raise

    def _take_unwritten(self) -> list[Unwritten]:
        with self.hand.lock:
            unwritten, self.hand.unwritten = self.hand.unwritten, []
            return unwritten

    def _leave_asked(self, unwritten: list[Unwritten]) -> None:
        """These ends could not be written: they are left to write, though they may have been."""
        with self.hand.lock:
            for each in unwritten:
                each.asked = True
            self.hand.unwritten = unwritten + self.hand.unwritten

    def _write_otherwise(self, unwritten: list[Unwritten], error: UnfinishedError) -> None:
        for n in error.lost:
            if not unwritten[n].asked:
                log.warning("job %s has ended before, or was given to another worker", unwritten[n].job.id)
        for n in error.refused:
            last = unwritten[n]
            self._done -= 1  # RQ's own way counts it
            self._worked -= last.success.seconds
            queue = next(queue for queue in self.queues if queue.name == last.job.origin)
            execution = Execution(last.job.run, last.job.id, self.connection, self.name)
            self.succeeded(last.job, queue, execution, value_of(last.success.row.value))

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
