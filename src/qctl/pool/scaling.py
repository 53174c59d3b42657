"""Scaling of a pool of workers: the size that an operator asked for, else the one it was started with; between two
bounds by what its queues hold."""

from __future__ import annotations

import logging
import os
import socket
import time
from collections.abc import Collection, Sequence
from dataclasses import replace

from qctl import catalog, processors
from qctl.broker.bookkeeping import pools
from qctl.broker.query import pool_demand
from qctl.broker.redis import clock
from qctl.broker.redis.connection import connect, translate_errors
from qctl.errors import QctlError
from qctl.models import Pool, PoolRequest, PoolSize
from qctl.pool.autoscale import READING_SECONDS, Autoscaler, Demand
from qctl.settings import Settings

log = logging.getLogger(__name__)

REQUEST_SECONDS = 1.0
"""Pause between two looks at what operators asked for."""

RETRY_SECONDS = 5.0
"""Pause after an error of Redis: the pool keeps its size."""


class QueueScaling:
    """Decides the size of one pool of workers, and publishes its state."""

    def __init__(self, settings: Settings, queues: Sequence[str], configured: PoolSize) -> None:
        self._redis = connect(settings, name="qctl-pool")
        self._settings = settings
        self._processors = processors.available()
        self._lanes = [lane for queue in queues for lane in catalog.lanes(queue)]
        now = clock.to_datetime(round(time.time() * 1000))
        self._pool = Pool(
            *("+".join(queues), socket.gethostname(), os.getpid(), tuple(queues), configured, configured, 0, 0, now),
            started_at=now,
        )
        self._request: PoolRequest | None = None
        self._autoscaler: Autoscaler | None = None
        self._prefixes: set[str] = set()
        """Beginnings of the names of all workers that this pool has had."""
        self._request_due = self._reading_due = self._report_due = 0.0
        self._apply(None)

    def size(self, pids: Collection[int]) -> int:
        """Return the number of processes to have, for a pool of these."""
        now = time.monotonic()
        self._prefixes |= {f"{self._pool.host}.{pid}." for pid in pids}
        if now >= self._request_due:
            self._request_due = now + REQUEST_SECONDS
            try:
                with translate_errors(self._settings):
                    self._read(now)
            except QctlError as error:
                log.debug("pool keeps its size: %s", error.message)
                self._request_due = now + RETRY_SECONDS
        return self._pool.size

    def report(self, running: int, ends: int) -> None:
        """Publish the state of the pool, if it is due or has changed."""
        now = time.monotonic()
        changed = running != self._pool.running
        self._pool = replace(self._pool, running=running, ends=ends)
        if now < self._report_due and not changed:
            return
        self._report_due = now + pools.REPORT_SECONDS
        try:
            with translate_errors(self._settings):
                pools.report(self._redis, self._pool)
        except QctlError as error:
            log.debug("pool not reported: %s", error.message)
            self._report_due = now + RETRY_SECONDS

    def close(self) -> None:
        """Delete the report of the pool."""
        try:
            with translate_errors(self._settings):
                pools.delete(self._redis, self._pool)
        except QctlError as error:
            log.debug("pool report not deleted: %s", error.message)

    def leave_to_child(self) -> None:
        """Close this process's copies of the connections."""
        self._redis.connection_pool.reset()

    def _read(self, now: float) -> None:
        request = pools.requested(self._redis, self._pool.host, self._pool.name)
        if (request and request.size) != (self._request and self._request.size):
            self._apply(request)
        if self._autoscaler is not None and now >= self._reading_due:
            self._reading_due = now + READING_SECONDS
            self._decide(self._autoscaler, now)

    def _apply(self, request: PoolRequest | None) -> None:
        """Take the size of a request, or the configured one without any."""
        self._request = request
        size = request.size if request else self._pool.configured
        least, most = size.bounds(self._processors)
        self._autoscaler = Autoscaler(least, most, self._settings.scale_latency) if least < most else None
        self._reading_due = 0.0
        chosen = min(max(self._pool.size, least), most)
        source = f"by={request.by}" if request else "as configured"
        log.info("pool bounds: pool=%s size=%s processes=%d %s", self._pool.name, size.text, chosen, source)
        self._set(chosen)
        self._pool = replace(self._pool, bounds=size, wanted=None, reason="", shrinks_in=None)
        self._report_due = 0.0

    def _decide(self, autoscaler: Autoscaler, now: float) -> None:
        demand = pool_demand.read(self._redis, self._lanes, self._prefixes)
        decision = autoscaler.decide(Demand(*demand), self._pool.size, now)
        if decision.size != self._pool.size:
            verb = "grows" if decision.size > self._pool.size else "shrinks"
            log.info(
                "pool %s: pool=%s from=%d to=%d because=%s",
                *(verb, self._pool.name, self._pool.size, decision.size, decision.reason),
            )
        self._set(decision.size)
        self._pool = replace(self._pool, wanted=decision.wanted, reason=decision.reason, shrinks_in=decision.shrinks_in)

    def _set(self, size: int) -> None:
        if size != self._pool.size:
            now = clock.to_datetime(round(time.time() * 1000))
            self._pool = replace(self._pool, size=size, changed_at=now)
            self._report_due = 0.0
