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
from uuid import uuid4

from redis import Redis
from redis.exceptions import RedisError, ResponseError

from qctl import catalog
from qctl.broker import burial, events, keys, replies
from qctl.broker.scripts import Script

log = logging.getLogger(__name__)

LEASE = 15.0
"""Seconds a claimant may be silent before it counts as dead."""

RENEW = 3.0
"""Seconds between renewals: four may be missed."""

LOOK = 0.2
"""Seconds between looks at queues other than the one that is waited on, and at paused ones."""

BLOCK = 1.0
"""Longest wait on a single queue, in seconds: how late an idle worker notices that it shall stop."""

TIDY = 10.0
"""Seconds between looks at what this claimant holds and does not run."""

_claim = Script("claim")
_renew = Script("renew")
_putback = Script("putback")
_quarantine = Script("quarantine")


@dataclass(frozen=True)
class Claim:
    """A job that was claimed. `fields` is its raw hash, or None with `problem` where its key holds no hash."""

    queue: str
    job_id: str
    fields: dict[bytes, bytes] | None
    problem: str = ""


@dataclass(frozen=True)
class Trip:
    """Why a sink's queue is held by the breaker. `first` and `most` in seconds, zero: until somebody resumes."""

    reason: str
    first: float = 1.0
    most: float = 30.0


class Claimant:
    """One process that claims. `name` is `host.pid.random`."""

    def __init__(self, connection: Redis, on_beat: Callable[[], None] | None = None) -> None:
        self.name = f"{socket.gethostname()}.{os.getpid()}.{uuid4().hex[:6]}"
        self.pid = os.getpid()
        self._redis = connection
        self._on_beat = on_beat
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._tidied = time.monotonic()

    def start(self) -> None:
        """Begin to renew the lease, until `stop`."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._keep_alive, name="qctl-lease", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Give the lease up. What is still claimed is found by recovery at once."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout=2 * RENEW)
        try:
            self._redis.zrem(keys.LEASES, self.name)
            self._redis.hdel(keys.QUIET, self.name)
        except RedisError as error:
            log.warning("the lease of %s runs out by itself: %s", self.name, error)

    def _keep_alive(self) -> None:
        while not self._stop.is_set():
            try:
                if not _renew(self._redis, [keys.LEASES], [self.name, int(LEASE * 1000)]):
                    log.debug("lease of %s begins", self.name)
                self._beat()
                pause = RENEW
            except RedisError as error:
                log.warning("cannot renew the lease of %s: %s", self.name, error)
                pause = 1.0
            self._stop.wait(pause)

    def _beat(self) -> None:
        """Do what is done beside it. Without this thread all that we hold would be given to others while we run it."""
        if self._on_beat is None:
            return
        try:
            self._on_beat()
        except RedisError:
            raise
        except Exception:
            log.exception("the lease of %s goes on, though what is done beside it failed", self.name)

    def take(
        self, queues: Sequence[str], timeout: float | None, stopping: Callable[[], bool] = lambda: False
    ) -> Claim | None:
        """Claim the next job, in the order of `queues`; wait up to `timeout` seconds for one, not at all if None.

        Whoever calls runs nothing now. Raises what redis-py raises. A claim whose reply is lost, or that Redis makes
        only after we gave up waiting for it, comes back by `forsaken`, or by recovery once this claimant has died.
        """
        if time.monotonic() - self._tidied > TIDY:
            self.forsaken(queues)
            self._tidied = time.monotonic()
        deadline = time.monotonic() + (timeout or 0)
        while True:
            claim, unheld = self._claim(queues)
            if claim is not None or timeout is None or stopping():
                return claim
            left = deadline - time.monotonic()
            if left <= 0:
                return None
            self._wait(unheld, min(left, BLOCK if len(queues) == 1 else LOOK))

    def _claim(self, queues: Sequence[str]) -> tuple[Claim | None, str | None]:
        """A claim, or the first queue that is not held, to wait on."""
        own: list[str] = []
        names: list[str] = []
        for queue in queues:
            own += [keys.queue(queue), keys.intermediate(queue), keys.claims(queue), keys.started(queue)]
            names += [queue, catalog.family(queue), keys.counts_prefix(queue)]
        kind, number, raw_id, *rest = _claim(
            self._redis,
            [keys.PAUSED, keys.SUSPENDED, keys.LEASES, keys.EVENTS, keys.QUIET, *own],
            [self.name, keys.JOB_PREFIX, int(LEASE * 1000), events.CAP, *names],
        )
        if kind == 0:
            return None, queues[number - 1] if number else None
        queue = queues[number - 1]
        job_id = raw_id.decode(errors="surrogateescape")
        if kind == 2:
            return Claim(queue, job_id, None, f"its data is a {rest[0].decode()}, not a hash"), queue
        flat = rest[0]
        return Claim(queue, job_id, dict(zip(flat[::2], flat[1::2], strict=True))), queue

    def _wait(self, queue: str | None, seconds: float) -> None:
        """Wait for something in `queue` without changing it: its head is moved onto itself once there is one."""
        if queue is None:
            time.sleep(min(seconds, LOOK))
            return
        key = keys.queue(queue)
        try:
            self._redis.blmove(key, key, seconds, "LEFT", "LEFT")
        except ResponseError as error:
            log.warning("cannot wait on queue %s: %s", queue, error)
            time.sleep(LOOK)

    def put_back(self, queue: str, job_id: str, trip: Trip | None = None) -> bool:
        """Give a claimed job back to the head of its queue at no cost, and trip the breaker if asked to."""
        return bool(
            _putback(
                self._redis,
                [
                    keys.queue(queue),
                    keys.intermediate(queue),
                    keys.started(queue),
                    keys.claims(queue),
                    keys.job(job_id),
                    keys.executions(job_id),
                    keys.PAUSED,
                    keys.BREAKERS,
                    keys.EVENTS,
                ],
                [
                    job_id,
                    self.name,
                    queue,
                    keys.execution_prefix(job_id),
                    events.CAP,
                    trip.reason if trip else "",
                    int(trip.first * 1000) if trip else 0,
                    int(trip.most * 1000) if trip else 0,
                    "breaker",
                ],
            )
        )

    def _give_back(self, queue: str, job_id: str) -> bool:
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
                [
                    keys.intermediate(queue),
                    keys.claims(queue),
                    keys.quarantine(queue),
                    keys.job(job_id),
                    keys.started(queue),
                    keys.executions(job_id),
                    keys.EVENTS,
                ],
                [
                    job_id,
                    self.name,
                    queue,
                    reason[: burial.MAX_REASON],
                    events.CAP,
                    keys.execution_prefix(job_id),
                ],
            )
        )

    def claim_of(self, queue: str, job_id: str) -> str | None:
        """The claim on a job as it stands in Redis, where it is this claimant's."""
        raw: bytes | None = self._redis.hget(keys.claims(queue), job_id)
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
            for raw_id, raw in self._redis.hgetall(keys.claims(queue)).items():
                if raw.startswith(f"{self.name}|".encode()):
                    given += self._give_back(queue, raw_id.decode(errors="surrogateescape"))
        return given
