"""Prefetched jobs, and the ends of jobs that are not written to Redis yet.

If jobs are short, a worker claims several at once and writes their ends together: as many as it expects to run in a few
milliseconds, by how long the last jobs of the queue took. Before such a group runs, the worker sends the ends of the
group before it and asks for the next group; Redis works on that while the group runs, and the reply is read after it.
If a job takes long after all, the lease thread gives back those behind it and writes the ends before it, so that they
do not wait for it.
"""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone

from redis import Redis
from redis.exceptions import RedisError

from qctl.broker.worker.claim_request import Claim, ClaimRequests, JobEnd, UnwrittenEndsError
from qctl.broker.worker.claims import Claimant
from qctl.broker.worker.fast_path import FastPathJob
from qctl.broker.worker.run_record import RunRecord

GROUP_SECONDS = 0.005
"""Time (s) that jobs which are claimed together are expected to take at most, so that a pause soon returns."""

SHORT_JOB_SECONDS = GROUP_SECONDS
"""Time (s) that a short job takes at most. Of those above the half of it one is claimed at a time."""

EXPECTATION_WEIGHT = 0.125
"""Share of the last run in the time that the next is expected to take."""

TRUSTED_RUNS = 16
"""Short runs after which the next jobs of a queue are expected to be short. Twice as many are remembered."""

DISTRUST_RUNS = 8
"""Short runs that one longer run cancels if it was not late: the system may have delayed it."""

MAX_PREFETCH_JOBS = 8
"""Jobs that are claimed at once, a group: as many run again if a worker is killed before it has written their ends. A
worker holds two groups at most, of which one has not begun."""

MAX_WAIT_SECONDS = 0.02
"""Time (s) within which a prefetched job must begin after its claim was read, and after which the running job counts as
blocking them. They go back then, because another queue may come first, or another worker may be free."""

RELIEF_RETRY_SECONDS = 1.0
"""Time (s) after which the lease thread tries again to relieve a blocking job, if Redis failed."""

MAX_CLAIM_AGE_SECONDS = 5.0
"""Time (s) after which no claim is begun: a process that slept so long, or waited for Redis, may have lost it."""


class PrefetchLimits:
    """The number of jobs to claim at once from each queue: as many as are expected to end within `GROUP_SECONDS`."""

    def __init__(self, max_jobs: int) -> None:
        self._max_jobs = max_jobs
        self._short_runs: dict[str, int] = {}
        self._expected: dict[str, float] = {}
        """Moving average of the seconds that a job of a queue takes."""

    def limit(self, queue: str) -> int:
        """The number of jobs of a queue to claim at once."""
        if self._short_runs.get(queue, 0) < TRUSTED_RUNS:
            return 1
        return max(1, min(self._max_jobs, int(GROUP_SECONDS / max(self._expected[queue], 1e-6))))

    def note_run(self, queue: str, seconds: float) -> None:
        """Note how long a job of a queue took."""
        runs, expected = self._short_runs.get(queue, 0), self._expected.get(queue, seconds)
        self._expected[queue] = expected + EXPECTATION_WEIGHT * (seconds - expected)
        if seconds < SHORT_JOB_SECONDS:
            self._short_runs[queue] = min(runs + 1, 2 * TRUSTED_RUNS)
        else:
            self._short_runs[queue] = max(runs - DISTRUST_RUNS, 0) if seconds < MAX_WAIT_SECONDS else 0


@dataclass
class PendingEnd:
    """A fast-path job that succeeded, before that is written. `was_sent`: Redis was asked to, and may have done it."""

    job: FastPathJob
    end: JobEnd
    was_sent: bool = False


@dataclass
class RefusedEnds:
    """Ends that a request could not write, all or some of them, with the error that says which."""

    ends: list[PendingEnd]
    error: UnwrittenEndsError


class Prefetch:
    """The claims that wait for the running job, and the ends that wait for the next claim request.

    The main thread fills and empties both, and asks for the next claims ahead. The lease thread calls `relieve`, which
    moves all of it under the same lock.
    """

    def __init__(self, connection: Redis, claimant: Claimant) -> None:
        self._lock = threading.RLock()
        self._claimant = claimant
        self._requests = ClaimRequests(connection, claimant.name, fast_path=False)
        """For the ends that the lease thread writes."""
        self._claims: deque[Claim] = deque()
        self._ends: list[PendingEnd] = []
        self._requested_at = self._claimed_at = 0.0
        self._running_since = math.inf
        self._was_many = False
        self._is_new_group = False
        """True if several claims were read together, and none of them has begun."""
        self._ends_ahead: list[PendingEnd] | None = None
        """The ends in the request for the next claims, while its reply was not read; else None."""
        self._refused: list[RefusedEnds] = []

    @property
    def was_many(self) -> bool:
        """True if more than one job was claimed last."""
        with self._lock:
            return self._was_many

    def fill(self, claims: Sequence[Claim], requested_at: float) -> None:
        """Take the claims of one request, which was sent at this time of `time.monotonic`."""
        with self._lock:
            self._claims.extend(claims)
            self._requested_at, self._claimed_at = requested_at, time.monotonic()
            self._running_since = self._claimed_at
            self._was_many = self._is_new_group = len(claims) > 1

    def claim_ahead(self, queues: Sequence[str], max_jobs: Callable[[str], int]) -> None:
        """If the first of several jobs begins: send the ends, and ask for the jobs behind them in the same queue.

        Nothing is asked of it if a queue before it in `queues` has jobs.
        """
        with self._lock:
            if not self._is_new_group:
                return
            self._is_new_group = False
            queue = self._claims[-1].queue
            limit = max_jobs(queue)
            sources = queues[: queues.index(queue) + 1]
            ends = self.take_ends()
            try:
                if self._claimant.claim_ahead(sources, limit if limit > 1 else 0, [pending.end for pending in ends]):
                    self._ends_ahead = ends
            except BaseException:  # a signal may abort it too
                self.keep_sent_ends(ends)
                raise

    def read_ahead(self) -> None:
        """Read the reply of `claim_ahead`, if there is one to read. Ends that it refused wait for `take_refused`."""
        with self._lock:
            if self._ends_ahead is None:
                return
            ends, self._ends_ahead = self._ends_ahead, None
            try:
                claims = self._claimant.read_ahead()
            except UnwrittenEndsError as error:
                self._refused.append(RefusedEnds(ends, error))
            except BaseException:  # a signal may abort it too
                self.keep_sent_ends(ends)
                raise
            else:
                if claims:
                    self.fill(claims, self._claimant.requested_at)
                    self._was_many = True  # ends may wait for a single one too

    def take_refused(self) -> list[RefusedEnds]:
        """Remove and return the ends that a request sent ahead could not write."""
        with self._lock:
            refused, self._refused = self._refused, []
            return refused

    def next(self) -> Claim | None:
        """The job to run now. None if none waits, or if they have waited too long."""
        with self._lock:
            if not self._claims:
                self.read_ahead()
            if not self._claims:
                return None
            claim, now = self._claims[0], time.monotonic()
            self._running_since = now
            # A slow round trip is no reason to give jobs back: the next ones would come as late.
            if now - self._requested_at > MAX_CLAIM_AGE_SECONDS:
                return None
            if claim.prefetched and now - self._claimed_at > MAX_WAIT_SECONDS:
                return None
            self._claims.popleft()
            return claim._replace(started_at=datetime.now(timezone.utc)) if claim.prefetched else claim

    def give_back(self) -> None:
        """Give back the claims that wait, the last one first. If Redis fails, the rest still waits to be given back."""
        with self._lock:
            self.read_ahead()
            self._is_new_group = False
            left = list(reversed(self._claims))
            self._claims.clear()
        try:
            while left:
                self._claimant.give_back(left[0].queue, left[0].job_id)
                del left[0]
        except RedisError:
            with self._lock:
                self._claims.extend(reversed(left))
                self._claimed_at = -math.inf  # they are too old to begin
            raise

    def drop_claims(self) -> None:
        """Drop the claims that wait, because all claims are given back by another way."""
        with self._lock:
            self._claims.clear()
            self._is_new_group = False

    def add_end(self, job: FastPathJob, end: JobEnd) -> None:
        """Keep an end for the next claim request."""
        with self._lock:
            self._ends.append(PendingEnd(job, end))

    def take_ends(self) -> list[PendingEnd]:
        """Remove and return the ends, to write them."""
        with self._lock:
            ends, self._ends = self._ends, []
            return ends

    def keep_sent_ends(self, ends: list[PendingEnd]) -> None:
        """Keep ends that were sent, but whose reply did not come: they may have been written."""
        with self._lock:
            for pending in ends:
                pending.was_sent = True
            self._ends = ends + self._ends

    def relieve(self, run_record: RunRecord) -> None:
        """In the lease thread: if the running job blocks others, give them back and write the ends before it.

        The main thread cannot begin another job meanwhile. If Redis fails, it is tried again after a second.
        """
        with self._lock:
            if not self._is_late():
                return
            try:
                run_record.write_if_older(MAX_WAIT_SECONDS)
                self.give_back()
                self._write_ends()
            except RedisError:
                self._running_since = time.monotonic() + RELIEF_RETRY_SECONDS - MAX_WAIT_SECONDS
                raise
            self._running_since = math.inf

    def _is_late(self) -> bool:
        now = time.monotonic()
        is_idle = not (self._claims or self._ends) and self._ends_ahead is None
        return not is_idle and now - self._running_since >= MAX_WAIT_SECONDS

    def _write_ends(self) -> None:
        ends = self.take_ends()
        if not ends:
            return
        try:
            self._requests.send((), (), [pending.end for pending in ends])
        except UnwrittenEndsError:
            self.keep_sent_ends(ends)  # the main thread handles the error
        except RedisError:
            self.keep_sent_ends(ends)
            raise
