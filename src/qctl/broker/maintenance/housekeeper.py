"""Periodic housekeeping: recovery, expired pauses, leftover buffer items, old trash and registries."""

from __future__ import annotations

import logging
import time

from redis import Redis
from rq.registry import ReadyJobRegistry
from rq.serializers import JSONSerializer

from qctl import catalog
from qctl.broker.admin import trash
from qctl.broker.bookkeeping import counters
from qctl.broker.ingest.buffer import Buffer
from qctl.broker.maintenance import retention
from qctl.broker.redis import keys
from qctl.broker.redis.connection import log_and_continue
from qctl.broker.worker import pauses, recovery
from qctl.broker.worker.recovery import Recoverer
from qctl.settings import Settings

log = logging.getLogger(__name__)

ROUND_SECONDS = 10.0
"""Seconds between rounds of housekeeping."""

LATE_BUFFER_SECONDS = 5.0
"""Seconds past its time after which a rest in a buffer is cut here, because its source seems to be away."""


class Housekeeper:
    """What has to be done now and then, whoever runs: recovery, ended pauses, rests of buffers, old trash."""

    def __init__(self, connection: Redis, settings: Settings) -> None:
        self._redis = connection
        self._settings = settings
        self._recoverer = Recoverer(connection, "scheduler")
        self._buffers = {
            name: (Buffer(connection, spec, settings), settings.flush_interval(name))
            for name, spec in catalog.PIPELINES.items()
        }
        self._next = 0.0
        self._minute = -1

    def apply_settings(self, settings: Settings) -> None:
        """Use these settings from now on."""
        self._settings = settings

    def tick(self) -> None:
        """Do what is due. Raises what redis-py raises."""
        with log_and_continue("look for dead workers"):
            self._recoverer.maybe_run()
        with log_and_continue("note how many jobs wait"):
            self._note_depths()
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + ROUND_SECONDS
        with log_and_continue("end pauses"):
            for name in pauses.end_expired(self._redis):
                log.info("the pause of %s is over", name)
        for name, (buffer, interval) in self._buffers.items():
            with log_and_continue(f"cut the buffer {name}"):
                cut = buffer.cut_batches(max_age=interval + LATE_BUFFER_SECONDS)
                if cut:
                    log.warning("cut %d items that waited in the buffer %s: is its source away?", cut, name)
        with log_and_continue("forget dead leases"):
            recovery.forget_dead_leases(self._redis)
        with log_and_continue("delete trash whose time is over"):
            trash.expire(self._redis)
        with log_and_continue("put old dead letters into the trash"):
            self._discard_dead()
        with log_and_continue("tidy registries"):
            self._tidy_registries()

    def _discard_dead(self) -> None:
        seconds = self._settings.keep_failed
        if seconds and (
            gone := retention.trash_old_dead_letters(self._redis, seconds=seconds, ttl=self._settings.trash_ttl)
        ):
            log.info("put %d dead letters into the trash: QCTL_KEEP_FAILED is %d s", gone, seconds)

    def reset(self) -> None:
        """Discard observations of workers after Redis was unreachable: their leases ran out without their fault."""
        self._recoverer.forget()

    def _names(self) -> list[str]:
        return [keys.queue_name(key) for key in self._redis.smembers(keys.QUEUES)]

    def _note_depths(self) -> None:
        """Note how many jobs wait when a minute begins: arrivals are counted from it."""
        minute = int(time.time()) // 60
        if minute == self._minute:
            return
        self._minute = minute
        names = self._names()
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

    def _tidy_registries(self) -> None:
        """Forget finished jobs that are old or too many. And what RQ's own maintenance does: enqueue ready ones."""
        for name in self._names():
            with log_and_continue(f"tidy the registries of {name}"):
                retention.delete_finished(self._redis, name, most=self._settings.most_finished)
                ReadyJobRegistry(name, connection=self._redis, serializer=JSONSerializer).cleanup()
