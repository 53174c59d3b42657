"""The lease of a process on its claims: a thread renews it as long as the process lives.

A lease lasts 15 s by Redis's clock. Once it has run out, other processes take the claims (`recovery.py`).
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable

from redis import Redis
from redis.exceptions import RedisError

from qctl.broker.redis import keys
from qctl.broker.redis.connection import describe
from qctl.broker.redis.outage import Outage
from qctl.broker.redis.scripts import Script
from qctl.broker.worker.fork_guard import ForkGuard

log = logging.getLogger(__name__)

LEASE_SECONDS = 15.0
"""Time (s) without a renewal after which a claimant counts as dead."""

MAX_LEASE_SECONDS = 20.0
"""A lease that ends later than this from now was written before Redis's clock went back, and counts as over."""

RENEWAL_SECONDS = 3.0
"""Time (s) between renewals: four may be missed."""

POLL_SECONDS = 0.25
"""Time (s) between calls of `on_poll`, unless it asks for another."""

_renew = Script("worker/renew")


class Lease:
    """The lease of the claimant `name`, and the thread that renews it.

    Other periodic work, while the main thread runs a job, is done in the same thread.
    """

    def __init__(self, connection: Redis, name: str) -> None:
        self._redis = connection
        self._name = name
        self._guard = ForkGuard()
        self._lock = threading.Lock()
        self._renewed_at = -math.inf
        self._poll_seconds = self._requested_seconds = math.inf
        self._stopping, self._wake = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def is_fresh(self) -> bool:
        """True if one of the last two renewals succeeded."""
        with self._lock:
            return time.monotonic() - self._renewed_at < 2 * RENEWAL_SECONDS

    def start(self, on_renewal: Callable[[], None] = lambda: None, on_poll: Callable[[], float] | None = None) -> None:
        """Renew the lease until `stop`. After each renewal call `on_renewal` in the thread.

        `on_poll` is called there more often, and returns the seconds after which it wants to be called again.
        """
        if self._thread is None:
            with self._lock:
                self._poll_seconds = POLL_SECONDS if on_poll else math.inf
            self._stopping.clear()
            self._thread = threading.Thread(
                target=self._keep_alive, args=(on_renewal, on_poll), name="qctl-lease", daemon=True
            )
            self._thread.start()

    def stop(self) -> None:
        """Stop the thread and delete the lease, so that recovery finds remaining claims at once."""
        self._stopping.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(timeout=2 * RENEWAL_SECONDS)
            self._thread = None
        with self._lock:
            self._renewed_at = -math.inf
        try:
            self._redis.zrem(keys.LEASES, self._name)
            self._redis.hdel(keys.QUIET, self._name)
        except RedisError as error:
            log.warning("the lease of %s runs out by itself: %s", self._name, error)

    def poll_within(self, seconds: float) -> None:
        """Call `on_poll` within so many seconds, even if a longer wait has begun."""
        with self._lock:
            self._requested_seconds = min(self._requested_seconds, seconds)
            is_shorter = seconds < self._poll_seconds
            self._poll_seconds = min(self._poll_seconds, seconds)
        if is_shorter:
            self._wake.set()

    def _keep_alive(self, on_renewal: Callable[[], None], on_poll: Callable[[], float] | None) -> None:
        due, outage = 0.0, Outage(log, f"the lease of {self._name} is not renewed")
        while not self._stopping.is_set():
            now = time.monotonic()
            try:
                with self._guard:
                    if now >= due:
                        due = now + RENEWAL_SECONDS
                        self._renew(now)
                        outage.end()
                        self._call(on_renewal)
                    if on_poll:
                        self._poll(on_poll)
            except RedisError as error:
                outage.add(describe(error))
                due = time.monotonic() + 1.0
            with self._lock:
                seconds = self._poll_seconds
            self._wake.wait(max(0.0, min(due - time.monotonic(), seconds)))
            self._wake.clear()

    def _renew(self, now: float) -> None:
        if not _renew(self._redis, leases=keys.LEASES, claimant=self._name, lease_ms=int(LEASE_SECONDS * 1000)):
            log.debug("lease of %s begins", self._name)
        with self._lock:
            self._renewed_at = now

    def _poll(self, on_poll: Callable[[], float]) -> None:
        with self._lock:
            self._requested_seconds = math.inf
        seconds = self._call(on_poll)
        with self._lock:
            if seconds is not None:
                self._poll_seconds = min(seconds, self._requested_seconds)

    def _call(self, task: Callable[[], float | None]) -> float | None:
        """Call a task of the thread. If it ended the thread, others would take the claims while their jobs run."""
        try:
            return task()
        except RedisError:
            raise
        except Exception:
            log.exception("a task beside the lease of %s failed; the lease is renewed all the same", self._name)
            return None
