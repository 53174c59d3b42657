"""Periodic housekeeping: recovery, expired pauses, leftover buffer items, old trash and registries."""

from __future__ import annotations

import logging
import time

from redis import Redis

from qctl import catalog
from qctl.broker.admin import limits, trash
from qctl.broker.bookkeeping import budgets, counters
from qctl.broker.ingest.buffer import Buffer
from qctl.broker.maintenance import retention
from qctl.broker.maintenance.leftover_repair import LeftoverRepair
from qctl.broker.maintenance.stock_counts import StockCounts
from qctl.broker.redis import keys
from qctl.broker.redis.connection import log_and_continue
from qctl.broker.scheduler import run_history
from qctl.broker.worker import pauses, recovery
from qctl.broker.worker.recovery import Recoverer
from qctl.settings import Settings

log = logging.getLogger(__name__)

ROUND_SECONDS = 10.0
"""Time (s) between two rounds of housekeeping."""

SETTLE_SECONDS = 30.0
"""Time (s) between two looks at the runs of schedules that have not ended: finished jobs stay longer than that."""

LATE_BUFFER_SECONDS = 5.0
"""Delay (s) after the flush interval when a partial batch is cut here, because its source seems to be down."""


class Housekeeper:
    """Runs the periodic tasks that no worker or source does: recovery, expiry and retention."""

    def __init__(self, connection: Redis, settings: Settings) -> None:
        self._redis = connection
        self._settings = settings
        self._recoverer = Recoverer(connection, "scheduler")
        self._leftovers = LeftoverRepair(connection, "scheduler")
        self._stock_counts = StockCounts(connection)
        self._buffers = {
            name: (Buffer(connection, spec, settings), settings.flush_interval(name))
            for name, spec in catalog.PIPELINES.items()
        }
        self._next = self._settle_at = 0.0
        self._minute = -1

    def apply_settings(self, settings: Settings) -> None:
        """Use these settings for later rounds."""
        self._settings = settings

    def tick(self) -> None:
        """Run the tasks that are due. Raises redis-py's errors."""
        with log_and_continue("recover jobs of dead workers"):
            self._recoverer.run_if_due()
        with log_and_continue("record queue depths"):
            self._record_depths()
        with log_and_continue("count what stock workers do"):
            self._stock_counts.record_if_due(self._queue_names)
        if time.monotonic() >= self._settle_at:
            self._settle_at = time.monotonic() + SETTLE_SECONDS
            with log_and_continue("note how runs of schedules ended"):
                run_history.copy_outcomes(self._redis)
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + ROUND_SECONDS
        with log_and_continue("end pauses"):
            for name in pauses.end_expired(self._redis):
                log.info("resumed queue %s: its pause has expired", name)
        with log_and_continue("delete limits whose time is over"):
            limits.delete_ended(self._redis)
        with log_and_continue("extend blackouts"):
            limits.extend_blackouts(self._redis)
        for name, (buffer, interval) in self._buffers.items():
            with log_and_continue(f"cut the buffer {name}"):
                if count := buffer.cut_batches(max_age=interval + LATE_BUFFER_SECONDS):
                    log.warning("cut %d late items of the buffer %s: its source seems to be down", count, name)
        with log_and_continue("delete dead leases"):
            recovery.delete_dead_leases(self._redis)
        with log_and_continue("delete expired trash"):
            trash.expire(self._redis)
        with log_and_continue("move old dead letters to the trash"):
            self._trash_dead_letters()
        with log_and_continue("repair leftovers"):
            self._leftovers.run(self._queue_names())
        with log_and_continue("clean registries"):
            self._clean_registries()
        with log_and_continue("count the memory of jobs"):
            budgets.sweep(self._redis)

    def _trash_dead_letters(self) -> None:
        seconds, ttl = self._settings.keep_failed, self._settings.trash_ttl
        if seconds and (count := retention.trash_old_dead_letters(self._redis, seconds=seconds, ttl=ttl)):
            log.info("moved %d dead letters to the trash: QCTL_KEEP_FAILED is %d s", count, seconds)

    def reset(self) -> None:
        """Discard observations of workers after Redis was unreachable: their leases ran out without their fault."""
        self._recoverer.reset()

    def _queue_names(self) -> list[str]:
        return [keys.queue_name(key) for key in self._redis.smembers(keys.QUEUES)]

    def _record_depths(self) -> None:
        """Record the depth of each queue at the beginning of a minute; arrivals are computed from it."""
        minute = int(time.time()) // 60
        if minute == self._minute:
            return
        self._minute = minute
        names = self._queue_names()
        with self._redis.pipeline(transaction=False) as pipe:
            for name in names:
                pipe.llen(keys.queue(name))
            depths = pipe.execute(raise_on_error=False)
            for name, depth in zip(names, depths, strict=True):
                if isinstance(depth, int):
                    key = keys.counts(name, minute // 60)
                    pipe.hsetnx(key, f"{minute % 60}.depth", depth)
                    pipe.expire(key, counters.RETENTION_SECONDS)
            pipe.execute(raise_on_error=False)

    def _clean_registries(self) -> None:
        """Delete finished jobs that are old or too many, and entries of dead letters that have expired."""
        for name in self._queue_names():
            with log_and_continue(f"clean the registries of {name}"):
                retention.delete_finished(self._redis, name, max_jobs=self._settings.most_finished)
                retention.delete_expired_dead_letters(self._redis, name)
