"""Whoever takes jobs off queues: its lease, its claims, and the wait for something to claim.

A claimant is one worker process. As long as it lives a thread of its own renews its lease (15 s, by Redis's clock).
What it claims is written down under its name in the same step, so that what a dead claimant held can be found and
given back (`recovery.py`).
"""

from __future__ import annotations

import logging
import os
import socket
import threading
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
from qctl.broker.worker.claim_protocol import Claim, Success, Turns, claimed_at
from qctl.broker.worker.fork_guard import Talk

log = logging.getLogger(__name__)

LEASE = 15.0
"""Seconds a claimant may be silent before it counts as dead."""

RENEW = 3.0
"""Seconds between renewals: four may be missed."""

LOOK = 0.2
"""Seconds between looks at queues other than the one that is waited on, and at paused ones."""

BLOCK = 1.0
"""Longest wait on a single queue, in seconds: how late an idle worker notices that it shall stop."""

GLANCE = 0.25
"""Seconds between looks at whether the running job lasts, by a claimant that starts jobs itself."""

TIDY = 10.0
"""Seconds between looks at what this claimant holds and does not run."""

_renew = Script("worker/renew")
_putback = Script("worker/putback", after=("redis/types", "worker/claimed", "worker/runs"))
_quarantine = Script("worker/quarantine", after=("redis/types", "worker/claimed", "worker/runs"))


@dataclass(frozen=True)
class Trip:
    """Why a sink's queue is held by the breaker. `first` and `most` in seconds, zero: until somebody resumes."""

    reason: str
    first: float = 1.0
    most: float = 30.0


class Claimant:
    """One process that claims. `name` is `host.pid.random`.

    One that is given `on_glance` has plain jobs started in the step that claims them; its worker has the same name.
    `on_beat` is called with each renewal of the lease, `on_glance` more often, both in the thread that renews it.
    """

    def __init__(
        self,
        connection: Redis,
        on_beat: Callable[[], None] = lambda: None,
        on_glance: Callable[[], None] | None = None,
    ) -> None:
        self.name = f"{socket.gethostname()}.{os.getpid()}.{uuid4().hex[:6]}"
        self.pid = os.getpid()
        self._redis = connection
        self._on_beat = on_beat
        self._on_glance = on_glance
        self._talk = Talk()
        self._turns = Turns(connection, self.name, starting=on_glance is not None)
        self._renewed = -LEASE
        self._stop, self._wake = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None
        self._tidied = time.monotonic()
        self.glance = GLANCE
        """Seconds between looks that `on_glance` takes."""

    def start(self) -> None:
        """Begin to renew the lease, until `stop`."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._keep_alive, name="qctl-lease", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Give the lease up. What is still claimed is found by recovery at once."""
        self._stop.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(timeout=2 * RENEW)
        try:
            self._redis.zrem(keys.LEASES, self.name)
            self._redis.hdel(keys.QUIET, self.name)
        except RedisError as error:
            log.warning("the lease of %s runs out by itself: %s", self.name, error)

    def _keep_alive(self) -> None:
        due = 0.0
        while not self._stop.is_set():
            now = time.monotonic()
            try:
                with self._talk:
                    if now >= due:
                        due = now + RENEW
                        self._renew(now)
                        self._beside(self._on_beat)
                    if self._on_glance:
                        self._beside(self._on_glance)
            except RedisError as error:
                log.warning("cannot renew the lease of %s: %s", self.name, error)
                due = time.monotonic() + 1.0
            left = max(0.0, due - time.monotonic())
            self._wake.wait(min(left, self.glance) if self._on_glance else left)
            self._wake.clear()

    def glance_within(self, seconds: float) -> None:
        """Have the next look of `on_glance` taken in so many seconds, though a longer wait has begun."""
        if self.glance > seconds:
            self.glance = seconds
            self._wake.set()

    def _renew(self, now: float) -> None:
        if not _renew(self._redis, leases=keys.LEASES, claimant=self.name, lease_ms=int(LEASE * 1000)):
            log.debug("lease of %s begins", self.name)
        self._renewed = now

    def _beside(self, act: Callable[[], None]) -> None:
        """Do what is done beside it. Without this thread all that we hold would be given to others while we run it."""
        try:
            act()
        except RedisError:
            raise
        except Exception:
            log.exception("the lease of %s goes on, though what is done beside it failed", self.name)

    def take(self, queues: Sequence[str], timeout: float | None) -> Claim | None:
        """Claim the next job, in the order of `queues`; wait up to `timeout` seconds for one, not at all if None.

        Raises what redis-py raises. A claim whose reply is lost, or that Redis makes only after we gave up waiting for
        it, comes back by `forsaken`, or by recovery once this claimant has died.
        """
        claims = self.turn(queues, timeout, most=lambda _: 1)
        return claims[0] if claims else None

    @property
    def asked(self) -> float:
        """When the last turn's claims were asked for, by `time.monotonic`."""
        return self._turns.asked

    def turn(
        self,
        queues: Sequence[str],
        timeout: float | None,
        *,
        most: Callable[[str], int],
        ends: Sequence[Success] = (),
        stopping: Callable[[], bool] = lambda: False,
    ) -> list[Claim]:
        """Claim as `take` does, with a plain job also those behind it: up to so many as `most` says of their queue.

        In the same step write the `ends` of the last ones, which raises UnfinishedError where that cannot be. Whoever
        calls runs nothing now, and has nothing else that was claimed.
        """
        if time.monotonic() - self._tidied > TIDY:
            if ends:
                self.finish(ends)
                ends = ()
            self.forsaken(queues)
            self._tidied = time.monotonic()
        deadline = time.monotonic() + (timeout or 0)
        while True:
            lease = 0.0 if time.monotonic() - self._renewed < 2 * RENEW else LEASE
            claims, unheld = self._turns.run(queues, [most(queue) for queue in queues], ends, lease)
            ends = ()
            if claims or timeout is None or stopping():
                return claims
            left = deadline - time.monotonic()
            if left <= 0:
                return []
            self._wait(unheld, min(left, BLOCK if len(queues) == 1 else LOOK))

    def finish(self, ends: Sequence[Success]) -> None:
        """Write the ends of plain jobs and claim nothing. Raises UnfinishedError where one cannot be written."""
        self._turns.run((), (), ends)

    def _wait(self, queue: str | None, seconds: float) -> None:
        """Wait for something in `queue` without changing it: its head is moved onto itself once there is one."""
        if queue is None:
            time.sleep(min(seconds, LOOK))
            return
        key = keys.queue(queue)
        log.debug("nothing to claim: waits on %s for up to %.1f s", queue, seconds)
        try:
            self._redis.blmove(key, key, seconds, "LEFT", "LEFT")  # type: ignore[arg-type]  # it may be a fraction
        except ResponseError as error:
            log.warning("cannot wait on queue %s: %s", queue, error)
            time.sleep(LOOK)

    def put_back(self, queue: str, job_id: str, trip: Trip | None = None) -> bool:
        """Give a claimed job back to the head of its queue at no cost, and trip the breaker if asked to."""
        return bool(
            _putback(
                self._redis,
                waiting=keys.queue(queue),
                **self._values(queue, job_id),
                pauses=keys.PAUSED,
                breakers=keys.BREAKERS,
                reason=trip.reason if trip else "",
                first_ms=int(trip.first * 1000) if trip else 0,
                longest_ms=int(trip.most * 1000) if trip else 0,
                actor="breaker",
            )
        )

    def give_back(self, queue: str, job_id: str) -> bool:
        """Give a claimed job back as `put_back` does. False also where a key of another type forbids it."""
        try:
            return self.put_back(queue, job_id)
        except ResponseError as error:
            if not replies.is_wrong_type(error):
                raise
            log.error("job %s of %s cannot be given back: %s", job_id, queue, error)  # noqa: TRY400 - the cause is Redis's
            return False

    def quarantine(self, queue: str, job_id: str, reason: str) -> bool:
        """Put a claimed job that must not run where it blocks nobody."""
        return bool(
            _quarantine(
                self._redis,
                **self._values(queue, job_id),
                quarantine=keys.quarantine(queue),
                reason=reason[: dead_letter_index.MAX_REASON_CHARACTERS],
            )
        )

    def _values(self, queue: str, job_id: str) -> dict[str, Any]:
        """The values that the scripts need which take a job away from this claimant."""
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

    def claim_of(self, queue: str, job_id: str) -> str | None:
        """The claim on a job as it stands in Redis, where it is this claimant's."""
        raw = replies.optional_bytes(self._redis.hget(keys.claims(queue), job_id))
        text = raw.decode(errors="surrogateescape") if raw else ""
        return text if text.startswith(f"{self.name}|") else None

    def forsaken(self, queues: Sequence[str]) -> int:
        """Give back what this claimant holds and does not run: claims whose reply was lost. Returns how many.

        Only for a claimant that runs nothing now.
        """
        given = 0
        for queue in queues:
            if self._redis.type(keys.claims(queue)) != b"hash":
                continue
            claims = replies.bytes_dict(self._redis.hgetall(keys.claims(queue)))
            # The last one first: each goes to the head.
            for raw_id, raw in sorted(claims.items(), key=lambda item: claimed_at(item[1]))[::-1]:
                if raw.startswith(f"{self.name}|".encode()):
                    given += self.give_back(queue, raw_id.decode(errors="surrogateescape"))
        return given
