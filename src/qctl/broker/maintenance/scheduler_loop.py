"""The scheduler's loop: schedules, delayed jobs, retries and housekeeping."""

from __future__ import annotations

import logging
from collections.abc import Callable

from redis import Redis
from redis.exceptions import RedisError

from qctl.broker.bookkeeping.data_identity import DataWatch
from qctl.broker.bookkeeping.heartbeats import Heartbeats
from qctl.broker.maintenance.housekeeper import Housekeeper
from qctl.broker.redis.connection import Backoff, explain, log_and_continue
from qctl.broker.redis.outage import Outage
from qctl.broker.scheduler import schedules
from qctl.broker.scheduler.clock_steps import ClockWatch
from qctl.broker.scheduler.cron import CronScheduler, ScheduleEntry
from qctl.broker.scheduler.promoter import DelayedJobPromoter
from qctl.settings import Settings

log = logging.getLogger(__name__)

TICK_SECONDS = 0.25
"""Time (s) between two ticks."""


class ReloadedSettings:
    """Passes reloaded settings to `run`, which applies those in NAMES."""

    NAMES = (
        *("QCTL_TIMEZONE", "QCTL_SCHEDULE_STOCK_CHECK", "QCTL_SCHEDULE_CLEANUP_REPORTS"),
        *("QCTL_SCHEDULE_CLEANUP_EXPORTS", "QCTL_SCHEDULE_CLEANUP_IMAGES"),
        *("QCTL_KEEP_FAILED", "QCTL_MOST_FINISHED", "TRASH_TTL"),
    )

    def __init__(self) -> None:
        self._latest: Settings | None = None

    def offer(self, settings: Settings) -> None:
        """Set the settings to apply next, from any thread. Raises SettingsError if one of the schedules is invalid."""
        schedules.entries_from_settings(settings)
        self._latest = settings

    def take(self) -> Settings | None:
        """The latest settings if they were not taken yet, else None."""
        latest, self._latest = self._latest, None
        return latest


def run(
    connection: Redis,
    settings: Settings,
    stopping: Callable[[float], bool],
    beat: Callable[[], None],
    reloaded: ReloadedSettings | None = None,
) -> None:
    """Run until `stopping(seconds)` returns True; it waits that long for a stop request. Survives a loss of Redis.

    Raises SettingsError if a schedule of the settings is invalid.
    """
    entries: dict[str, ScheduleEntry | None] | None = schedules.entries_from_settings(settings)
    cron, delayed = CronScheduler(connection), DelayedJobPromoter(connection)
    housekeeper = Housekeeper(connection, settings)
    watch = DataWatch(connection, "scheduler", writes=True)
    clock_watch = ClockWatch(connection, cron)
    heartbeats = Heartbeats.of_process(connection, "scheduler")
    backoff, delay, outage = Backoff(), 0.0, Outage(log, "no schedules run")
    log.info("running schedules, delayed jobs, retries and housekeeping")
    while not stopping(delay):
        beat()
        if reloaded and (latest := reloaded.take()):
            settings = latest
            entries = schedules.entries_from_settings(settings)
            housekeeper.apply_settings(settings)
        try:
            if watch.check_if_due():
                entries = schedules.entries_from_settings(settings)
            if entries is not None:
                schedules.sync_settings(connection, entries)
                entries = None
            clock_watch.check_if_due()
            delayed.tick()
            with log_and_continue("run schedules"):
                cron.enqueue_jobs()
            housekeeper.tick()
            heartbeats.beat()
            backoff.reset()
            outage.end()
            delay = TICK_SECONDS
        except RedisError as error:
            housekeeper.reset()
            clock_watch.reset()  # its write shows whether the outage is over: a tick may have nothing else to write
            delay = backoff.next_delay()
            outage.add(explain(error))
    heartbeats.beat("stopped")
    try:
        delayed.stop()
    except RedisError as error:
        log.warning("stopped without releasing RQ's locks in Redis: %s", error)
