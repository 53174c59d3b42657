"""Steps back of Redis's clock: what is due soon keeps its wait.

Delayed jobs, retries, schedules, pauses and leases end at times of Redis's clock. If it goes back by an hour, a retry
that was due in ten seconds would wait an hour and ten seconds. So every scheduler notes Redis's time (the key
`qctl:clock`). If it finds an earlier time than the noted one, it moves back by the length of the step what was due
within that length: jobs, intervals, and the ends of pauses. Cron rules for every hour start from the new time. What is
due later keeps its time, because it may have been meant as one: the wait of a long delay grows at most to twice its
length. Steps of less than MIN_STEP_SECONDS only delay what waits by as much.

The step is noted until everything is moved, and each move may be repeated: a scheduler that is killed leaves the rest
to the next. Leases need no step to be noticed: `recovery.py` does not believe one that ends too late.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass

from redis import Redis

from qctl.broker.bookkeeping import events
from qctl.broker.redis import keys, replies
from qctl.broker.redis.connection import log_and_continue
from qctl.broker.redis.scripts import Script
from qctl.broker.scheduler.cron import CronScheduler
from qctl.broker.worker.lease import LEASE_SECONDS

log = logging.getLogger(__name__)

CHECK_SECONDS = 2.0
"""Time (s) between two notes of Redis's time, by which a step may seem shorter than it was."""

MIN_STEP_SECONDS = 20.0
"""Length (s) of a step from which times are moved."""

UNHANDLED_SECONDS = 10.0
"""Time (s) before the step in which a job may have become due without being enqueued. Shorter than any step, so that
what was moved is not moved again."""

MAX_JOBS_PER_CALL = 500
"""Maximum jobs that one script call moves; that blocks Redis for about 1 ms."""

_note_clock = Script("scheduler/note_clock", after="redis/types")
_forget_step = Script("scheduler/forget_step")
_move_due_times = Script("scheduler/move_due_times", after="redis/types")
_move_pauses = Script("scheduler/move_pauses", after="redis/types")


@dataclass(frozen=True)
class ClockStep:
    """A step back of Redis's clock, in milliseconds since 1970."""

    before_ms: int
    after_ms: int

    @property
    def before(self) -> int:
        """The time before the step, in whole seconds."""
        return self.before_ms // 1000

    @property
    def after(self) -> int:
        """The time after it."""
        return self.after_ms // 1000

    def affects(self, due: float) -> bool:
        """True if this due time (s) is moved."""
        return self.before - UNHANDLED_SECONDS <= due < 2 * self.before - self.after - UNHANDLED_SECONDS


class ClockWatch:
    """Notes Redis's time, and moves due times after a step back."""

    def __init__(self, connection: Redis, cron: CronScheduler) -> None:
        self._redis = connection
        self._cron = cron
        self._due = 0.0

    def check_if_due(self) -> None:
        """Note the time if the last note is old enough. Raises redis-py's exceptions."""
        if time.monotonic() < self._due:
            return
        step = self._note()
        self._due = time.monotonic() + CHECK_SECONDS
        if step is not None:
            self._compensate(step)

    def reset(self) -> None:
        """Note the time at the next check, whenever the last note was."""
        self._due = 0.0

    def _note(self) -> ClockStep | None:
        reply = _note_clock(
            self._redis,
            clock=keys.CLOCK,
            leases=keys.LEASES,
            min_step_ms=round(MIN_STEP_SECONDS * 1000),
            lease_ms=round(LEASE_SECONDS * 1000),
        )
        times = [replies.integer(part) for part in replies.array(reply)]
        return ClockStep(*times) if times else None

    def _compensate(self, step: ClockStep) -> None:
        moved = 0
        for key in sorted(replies.bytes_set(self._redis.smembers(keys.QUEUES))):
            name = keys.queue_name(key)
            with log_and_continue(f"move the due times of {name}"):
                moved += self._move_jobs(name, step)
        with log_and_continue("move schedules"):
            moved += self._cron.move_back(step.before, step.after, step.affects)
        with log_and_continue("move pauses"):
            moved += self._move_pauses(step)
        if _forget_step(self._redis, clock=keys.CLOCK, before=step.before_ms, after=step.after_ms):
            seconds = step.before - step.after
            reason = (
                f"Redis's clock went back by {seconds} s: {moved} jobs, schedules and pauses that were due within that "
                "time keep their wait"
            )
            log.warning("%s", reason)
            with self._redis.pipeline() as pipe:
                events.record(pipe, "clock", reason=reason, count=moved, actor="scheduler")
                pipe.execute()

    def _move_jobs(self, queue: str, step: ClockStep) -> int:
        moved = 0
        while True:
            reply = _move_due_times(
                self._redis,
                scheduled=keys.scheduled(queue),
                before=step.before,
                after=step.after,
                unhandled=round(UNHANDLED_SECONDS),
                limit=MAX_JOBS_PER_CALL,
            )
            count = replies.integer(reply)
            moved += count
            if count < MAX_JOBS_PER_CALL:
                return moved

    def _move_pauses(self, step: ClockStep) -> int:
        reply = _move_pauses(
            self._redis,
            pauses=keys.PAUSED,
            before=step.before_ms,
            after=step.after_ms,
            unhandled=round(UNHANDLED_SECONDS * 1000),
        )
        return replies.integer(reply)
