"""The scheduler's loop: schedules, delayed jobs and retries, and the housekeeping beside them.

RQ's own scheduler reads what is due and enqueues it in two steps under a lock of 61 s, which after a crash nobody
looks at again for ten minutes. Here the move is one script, so any number of schedulers may run; RQ's lock is held all
the same, under one name shared by all of qctl's, to keep RQ's own schedulers off the same queues.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timezone

from redis import Redis
from redis.exceptions import RedisError
from rq.job import Job
from rq.queue import Queue
from rq.registry import ReadyJobRegistry
from rq.scheduler import RQScheduler
from rq.serializers import JSONSerializer
from rq.utils import utcformat

from qctl import catalog
from qctl.broker.admin import trash
from qctl.broker.bookkeeping import counters, dead_letter_index, events
from qctl.broker.ingest.buffer import Buffer
from qctl.broker.maintenance import retention
from qctl.broker.redis import clock, keys
from qctl.broker.redis.connection import Backoff, will_pass
from qctl.broker.redis.scripts import Script
from qctl.broker.scheduler import schedules
from qctl.broker.scheduler.cron import Cron, Entry
from qctl.broker.worker import pauses, recovery
from qctl.broker.worker.recovery import Recoverer
from qctl.settings import Settings

log = logging.getLogger(__name__)

TICK = 0.25
"""Seconds between looks at what is due."""

HOUSEKEEPING = 10.0
"""Seconds between rounds of housekeeping."""

PROMOTED_AT_ONCE = 200
"""Jobs a script call may enqueue: some 2 ms."""

LATE = 5.0
"""Seconds past its time after which a rest in a buffer is cut here, because its source seems to be away."""

_promote = Script("scheduler/promote")


class DelayedJobs(RQScheduler):
    """RQ's scheduler for delayed jobs and retries, for all queues there are."""

    def __init__(self, connection: Redis) -> None:
        super().__init__([], connection=connection, interval=1, serializer=JSONSerializer, name="qctl")
        self._connection = connection
        self._locked_at = 0.0
        self._known: set[str] = set()

    def tick(self) -> int:
        """Enqueue what is due in every queue whose lock is ours. Returns how many jobs. Raises what redis-py does."""
        self._queue_names = {keys.queue_name(key) for key in self.connection.smembers(keys.QUEUES)}
        if time.monotonic() - self._locked_at > 5 or not self._queue_names <= self._known:
            self._known = set(self._queue_names)
            self.acquire_locks()
            self.register_birth()
            self._locked_at = time.monotonic()
        total = 0
        for name in self._acquired_locks:
            with _surviving(f"schedule the jobs of {name}"):
                total += self._promote(name)
        return total

    def _promote(self, name: str) -> int:
        total = 0
        while True:
            moved, *limited = _promote(
                self.connection,
                [keys.scheduled(name), keys.queue(name), keys.QUEUES, keys.quarantine(name), keys.EVENTS],
                [
                    PROMOTED_AT_ONCE,
                    keys.JOB_PREFIX,
                    utcformat(datetime.now(timezone.utc)),
                    name,
                    events.CAP,
                ],
            )
            for job_id in limited:
                self._promote_limited(name, job_id.decode(errors="surrogateescape"))
            total += int(moved)
            if moved:
                log.debug("%d jobs of %s were due", moved, name)
            if moved < PROMOTED_AT_ONCE:
                return total

    def _promote_limited(self, name: str, job_id: str) -> None:
        """A rate limited job asks RQ's limiter for a slot, as RQ's scheduler does. Without a hash that can be read it
        is quarantined."""
        queue = Queue(name, connection=self.connection, serializer=JSONSerializer)
        try:
            job = Job.fetch(job_id, connection=self.connection, serializer=JSONSerializer)
        except Exception as error:
            if will_pass(error):
                raise
            self._quarantine(
                name, job_id, f"it cannot be read: {type(error).__name__}: {error}"[: dead_letter_index.MAX_REASON]
            )
            return
        with self.connection.pipeline() as pipe:
            pipe.zrem(keys.scheduled(name), job_id)
            queue._enqueue_rate_limited_job(job, pipeline=pipe, at_front=job.should_enqueue_at_front())
            pipe.execute()

    def _quarantine(self, name: str, job_id: str, reason: str) -> None:
        note = {"reason": reason, "at": clock.now(self.connection), "by": "scheduler", "recoveries": 0}
        with self.connection.pipeline() as pipe:
            pipe.zrem(keys.scheduled(name), job_id)
            pipe.hset(keys.job(job_id), "status", "failed")
            pipe.hset(keys.quarantine(name), job_id, json.dumps(note))
            events.record(pipe, "quarantined", queue=name, job=job_id, reason=reason)
            pipe.execute()
        told = {"event": "dlq", "jobId": job_id}
        log.error("quarantined job %s of %s: %s", job_id, name, reason, extra=told)


@contextmanager
def _surviving(what: str) -> Iterator[None]:
    """Log what went wrong and go on, unless it is Redis itself: poison in one place must not stop the others."""
    try:
        yield
    except Exception as error:
        if will_pass(error):
            raise
        log.error("cannot %s: %s: %s", what, type(error).__name__, error)  # noqa: TRY400 - a traceback each tick floods


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

    def take_over(self, settings: Settings) -> None:
        """Keep what these settings say, from now on."""
        self._settings = settings

    def tick(self) -> None:
        """Do what is due. Raises what redis-py raises."""
        with _surviving("look for dead workers"):
            self._recoverer.maybe_run()
        with _surviving("note how many jobs wait"):
            self._note_depths()
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + HOUSEKEEPING
        with _surviving("end pauses"):
            for name in pauses.end_expired(self._redis):
                log.info("the pause of %s is over", name)
        for name, (buffer, interval) in self._buffers.items():
            with _surviving(f"cut the buffer {name}"):
                cut = buffer.cut(max_age=interval + LATE)
                if cut:
                    log.warning("cut %d items that waited in the buffer %s: is its source away?", cut, name)
        with _surviving("forget dead leases"):
            recovery.forget_dead_leases(self._redis)
        with _surviving("delete trash whose time is over"):
            trash.expire(self._redis)
        with _surviving("put old dead letters into the trash"):
            self._discard_dead()
        with _surviving("tidy registries"):
            self._tidy_registries()

    def _discard_dead(self) -> None:
        seconds = self._settings.keep_failed
        if seconds and (gone := retention.discard_dead(self._redis, seconds=seconds, ttl=self._settings.trash_ttl)):
            log.info("put %d dead letters into the trash: QCTL_KEEP_FAILED is %d s", gone, seconds)

    def forget(self) -> None:
        """Redis was away: what looked dead may not be."""
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
                    pipe.expire(key, counters.KEEP)
            pipe.execute(raise_on_error=False)

    def _tidy_registries(self) -> None:
        """Forget finished jobs that are old or too many. And what RQ's own maintenance does: enqueue ready ones."""
        for name in self._names():
            with _surviving(f"tidy the registries of {name}"):
                retention.forget_finished(self._redis, name, most=self._settings.most_finished)
                ReadyJobRegistry(name, connection=self._redis, serializer=JSONSerializer).cleanup()


class News:
    """Settings that were read again, until `serve` takes over those in OF."""

    OF = (
        *("QCTL_TIMEZONE", "QCTL_SCHEDULE_STOCK_CHECK", "QCTL_SCHEDULE_CLEANUP_REPORTS"),
        *("QCTL_SCHEDULE_CLEANUP_EXPORTS", "QCTL_SCHEDULE_CLEANUP_IMAGES"),
        *("QCTL_KEEP_FAILED", "QCTL_MOST_FINISHED", "TRASH_TTL"),
    )

    def __init__(self) -> None:
        self._latest: Settings | None = None

    def put(self, settings: Settings) -> None:
        """Have them taken over, from any thread. Raises SettingsError where a schedule of them cannot be."""
        schedules.of_settings(settings)
        self._latest = settings

    def take(self) -> Settings | None:
        """The latest that nobody took yet."""
        latest, self._latest = self._latest, None
        return latest


def serve(
    connection: Redis,
    settings: Settings,
    stopping: Callable[[float], bool],
    beat: Callable[[], None],
    news: News | None = None,
) -> None:
    """Run until `stopping(seconds)`, which waits that long for a wish to stop. Redis may go away at any moment.

    Raises SettingsError where a schedule of the settings cannot be.
    """
    wanted: dict[str, Entry | None] | None = schedules.of_settings(settings)
    cron = Cron(connection)
    delayed = DelayedJobs(connection)
    housekeeper = Housekeeper(connection, settings)
    backoff, delay = Backoff(), 0.0
    log.info("watches schedules, delayed jobs, retries and what workers left behind")
    while not stopping(delay):
        beat()
        if news and (fresh := news.take()):
            wanted = schedules.of_settings(fresh)
            housekeeper.take_over(fresh)
        try:
            if wanted is not None:
                schedules.keep(connection, wanted)
                wanted = None
            delayed.tick()
            with _surviving("run schedules"):
                cron.enqueue_jobs()
            housekeeper.tick()
            backoff.reset()
            delay = TICK
        except RedisError as error:
            housekeeper.forget()
            delay = backoff.next()
            log.warning("Redis is away (%s); trying again in %.0f s", error, delay)
    try:
        delayed.stop()
    except RedisError as error:
        log.warning("left without telling Redis: %s", error)
