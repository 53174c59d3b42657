"""Claims jobs from queues for one process, waits for jobs to claim, and gives claimed jobs back.

A claim is written down under the claimant's name in the step that makes it, so that the jobs of a dead claimant can be
found and given back (`recovery.py`).
"""

from __future__ import annotations

import logging
import math
import os
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from redis import Redis
from redis.exceptions import RedisError, ResponseError

from qctl.broker.bookkeeping import dead_letter_index, events
from qctl.broker.redis import keys, replies
from qctl.broker.redis.scripts import Script
from qctl.broker.worker.claim_request import Claim, ClaimRequests, JobEnd, claimed_at
from qctl.broker.worker.lease import LEASE_SECONDS, Lease

log = logging.getLogger(__name__)

POLL_SECONDS = 0.2
"""Time (s) between checks of queues other than the one that is waited on, and of paused ones."""

MAX_BLOCK_SECONDS = 1.0
"""Longest wait (s) on a single queue: the delay after which an idle worker notices a request to stop."""

SWEEP_SECONDS = 10.0
"""Time (s) between sweeps for claims of this process that it does not know, because their reply was lost."""

_start = Script("worker/start", after="worker/claimed")
_putback = Script("worker/putback", after=("redis/types", "worker/claimed", "worker/runs"))
_quarantine = Script("worker/quarantine", after=("redis/types", "worker/claimed", "worker/runs"))


@dataclass(frozen=True)
class Trip:
    """A trip of the breaker, which pauses a sink's queue. `first` and `longest` in seconds; 0 until it is resumed."""

    reason: str
    first: float = 1.0
    longest: float = 30.0


class Claimant:
    """One process that claims. `name` is `host.pid.random`; its worker has the same name.

    With `fast_path` it starts fast-path jobs in the step that claims them. One thread at a time may claim, for which
    `Prefetch` has a lock; others may give back.
    """

    def __init__(self, connection: Redis, *, fast_path: bool = False) -> None:
        self.name = f"{socket.gethostname()}.{os.getpid()}.{uuid4().hex[:6]}"
        self.pid = os.getpid()
        self.lease = Lease(connection, self.name)
        self._redis = connection
        self._requests = ClaimRequests(connection, self.name, fast_path=fast_path)
        self._swept_at = time.monotonic()

    @property
    def requested_at(self) -> float:
        """Time of the last claim request, by `time.monotonic`."""
        return self._requests.sent_at

    # --- claiming -----------------------------------------------------------------------------------------------

    def claim(self, queues: Sequence[str], timeout: float | None) -> Claim | None:
        """Claim the next job, in the order of `queues`; wait up to `timeout` seconds for one, or not at all if None.

        Raises redis-py's exceptions. A claim whose reply is lost, or that Redis makes only after we gave up waiting for
        it, comes back by `give_back_all`, or by recovery once this process has died.
        """
        claims = self.claim_many(queues, timeout, max_jobs=lambda _: 1)
        return claims[0] if claims else None

    def claim_many(
        self,
        queues: Sequence[str],
        timeout: float | None,
        *,
        max_jobs: Callable[[str], int],
        ends: Sequence[JobEnd] = (),
        stopping: Callable[[], bool] = lambda: False,
    ) -> list[Claim]:
        """Claim as `claim` does, with a fast-path job also those behind it: up to `max_jobs` of the queue together.

        The same step writes the `ends` of the last jobs, and raises UnwrittenEndsError if it cannot. The caller must
        not run anything now, nor hold other claims. Once `stopping` it does not wait.
        """
        if time.monotonic() - self._swept_at > SWEEP_SECONDS:
            if ends:
                self.write_ends(ends)
                ends = ()
            self.give_back_all(queues)
            self._swept_at = time.monotonic()
        deadline = time.monotonic() + (timeout or 0)
        while True:
            lease_seconds = 0.0 if self.lease.is_fresh else LEASE_SECONDS
            claims, open_queue = self._requests.send(queues, [max_jobs(queue) for queue in queues], ends, lease_seconds)
            ends = ()
            if claims or timeout is None or stopping():
                return claims
            left = deadline - time.monotonic()
            if left <= 0:
                return []
            self._wait(open_queue, min(left, MAX_BLOCK_SECONDS if len(queues) == 1 else POLL_SECONDS))

    def claim_ahead(self, queues: Sequence[str], max_jobs: int, ends: Sequence[JobEnd]) -> bool:
        """Write the `ends`, and ask for up to `max_jobs` fast-path jobs of the last queue, while jobs of it run.

        It asks for none if a queue before it has jobs, or if a limit may apply, or if an ordinary claim is due, which
        renews the lease or sweeps. Returns whether anything was sent, as `ends` always are; then `read_ahead` must be
        called next.
        """
        if not max_jobs or not self.lease.is_fresh or time.monotonic() - self._swept_at > SWEEP_SECONDS:
            queues = ()
        if not queues and not ends:
            return False
        self._requests.post(queues, [max_jobs] * len(queues), ends, ahead=True)
        return True

    def read_ahead(self) -> list[Claim]:
        """The claims of `claim_ahead`. Raises UnwrittenEndsError if it could not write the ends.

        If the reply is lost, its claims come back before the next ordinary claim.
        """
        try:
            return self._requests.read()[0]
        except RedisError:
            self._swept_at = -math.inf
            raise

    def write_ends(self, ends: Sequence[JobEnd]) -> None:
        """Write the ends of fast-path jobs and claim nothing. Raises UnwrittenEndsError if one cannot be written."""
        self._requests.send((), (), ends)

    def _wait(self, queue: str | None, seconds: float) -> None:
        """Wait for a job in `queue` without changing it: a blocking move of its head onto itself."""
        if queue is None:
            time.sleep(min(seconds, POLL_SECONDS))
            return
        key = keys.queue(queue)
        log.debug("nothing to claim: waits on %s for up to %.1f s", queue, seconds)
        try:
            self._redis.blmove(key, key, seconds, "LEFT", "LEFT")  # type: ignore[arg-type]  # it may be a fraction
        except ResponseError as error:
            log.warning("cannot wait on queue %s: %s", queue, error)
            time.sleep(POLL_SECONDS)

    # --- claimed jobs -------------------------------------------------------------------------------------------

    def start_job(self, queue: str, job_id: str, *, at: str, worker_ttl: int, trace: str) -> bool:
        """Mark a claimed job as started `at` a time in RQ's format. False if the claim is no longer ours."""
        return bool(
            _start(
                self._redis,
                job=keys.job(job_id),
                intermediate=keys.intermediate(queue),
                claims=keys.claims(queue),
                worker=keys.worker(self.name),
                events=keys.EVENTS,
                job_id=job_id,
                claimant=self.name,
                now=at,
                worker_name=self.name,
                worker_ttl=worker_ttl,
                queue=queue,
                max_events=events.MAX_ENTRIES,
                trace=trace,
            )
        )

    def put_back(self, queue: str, job_id: str, trip: Trip | None = None) -> bool:
        """Give a claimed job back to the head of its queue at no cost, and trip the breaker if there is a `trip`."""
        return bool(
            _putback(
                self._redis,
                waiting=keys.queue(queue),
                **self._values(queue, job_id),
                pauses=keys.PAUSED,
                breakers=keys.BREAKERS,
                reason=trip.reason if trip else "",
                first_ms=int(trip.first * 1000) if trip else 0,
                longest_ms=int(trip.longest * 1000) if trip else 0,
                actor="breaker",
            )
        )

    def give_back(self, queue: str, job_id: str) -> bool:
        """Give a claimed job back as `put_back` does. False also if a key of another type forbids it."""
        try:
            return self.put_back(queue, job_id)
        except ResponseError as error:
            if not replies.is_wrong_type(error):
                raise
            log.error("job %s of %s cannot be given back: %s", job_id, queue, error)  # noqa: TRY400 - the cause is Redis's
            return False

    def give_back_all(self, queues: Sequence[str]) -> int:
        """Give back every claim of this process. Returns how many. Call it only while no job runs.

        Between two jobs these are claims whose reply was lost.
        """
        returned = 0
        for queue in queues:
            if self._redis.type(keys.claims(queue)) != b"hash":
                continue
            claims = replies.bytes_dict(self._redis.hgetall(keys.claims(queue)))
            # The last one first: each goes to the head.
            for raw_id, raw in sorted(claims.items(), key=lambda item: claimed_at(item[1]))[::-1]:
                if raw.startswith(f"{self.name}|".encode()):
                    returned += self.give_back(queue, raw_id.decode(errors="surrogateescape"))
        return returned

    def quarantine(self, queue: str, job_id: str, reason: str) -> bool:
        """Quarantine a claimed job that must not run."""
        return bool(
            _quarantine(
                self._redis,
                **self._values(queue, job_id),
                quarantine=keys.quarantine(queue),
                reason=reason[: dead_letter_index.MAX_REASON_CHARACTERS],
            )
        )

    def claim_of(self, queue: str, job_id: str) -> str | None:
        """The claim on a job as it is in Redis, None if it is not ours."""
        raw = replies.optional_bytes(self._redis.hget(keys.claims(queue), job_id))
        text = raw.decode(errors="surrogateescape") if raw else ""
        return text if text.startswith(f"{self.name}|") else None

    def _values(self, queue: str, job_id: str) -> dict[str, Any]:
        """Values of the scripts that take a job away from this process."""
        return {
            "intermediate": keys.intermediate(queue),
            "started": keys.started(queue),
            "claims": keys.claims(queue),
            "job": keys.job(job_id),
            "executions": keys.executions(job_id),
            "events": keys.EVENTS,
            "job_id": job_id,
            "claimant": self.name,
            "queue": queue,
            "execution_prefix": keys.execution_prefix(job_id),
            "max_events": events.MAX_ENTRIES,
        }
