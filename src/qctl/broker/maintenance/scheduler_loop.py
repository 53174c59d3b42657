"""The scheduler's loop: schedules, delayed jobs and retries, and the housekeeping beside them."""

from __future__ import annotations

import logging
from collections.abc import Callable

from redis import Redis
from redis.exceptions import RedisError

from qctl.broker.maintenance.housekeeper import Housekeeper
from qctl.broker.redis.connection import Backoff, log_and_continue
from qctl.broker.scheduler import schedules
from qctl.broker.scheduler.cron import CronScheduler, ScheduleEntry
from qctl.broker.scheduler.promoter import DelayedJobPromoter
from qctl.settings import Settings

log = logging.getLogger(__name__)

TICK_SECONDS = 0.25
"""Seconds between looks at what is due."""


class ReloadedSettings:
    """Settings that were read again, until `run` takes over those in NAMES."""

    NAMES = (
        *("QCTL_TIMEZONE", "QCTL_SCHEDULE_STOCK_CHECK", "QCTL_SCHEDULE_CLEANUP_REPORTS"),
        *("QCTL_SCHEDULE_CLEANUP_EXPORTS", "QCTL_SCHEDULE_CLEANUP_IMAGES"),
        *("QCTL_KEEP_FAILED", "QCTL_MOST_FINISHED", "TRASH_TTL"),
    )

    def __init__(self) -> None:
        self._latest: Settings | None = None

    def offer(self, settings: Settings) -> None:
        """Have them taken over, from any thread. Raises SettingsError where a schedule of them cannot be."""
        schedules.entries_from_settings(settings)
        self._latest = settings

    def take(self) -> Settings | None:
        """The latest that nobody took yet."""
        latest, self._latest = self._latest, None
        return latest


def run(
    connection: Redis,
    settings: Settings,
    stopping: Callable[[float], bool],
    beat: Callable[[], None],
    news: ReloadedSettings | None = None,
) -> None:
    """Run until `stopping(seconds)`, which waits that long for a wish to stop. Redis may go away at any moment.

    Raises SettingsError where a schedule of the settings cannot be.
    """
    wanted: dict[str, ScheduleEntry | None] | None = schedules.entries_from_settings(settings)
    cron = CronScheduler(connection)
    delayed = DelayedJobPromoter(connection)
    housekeeper = Housekeeper(connection, settings)
    backoff, delay = Backoff(), 0.0
    log.info("watches schedules, delayed jobs, retries and what workers left behind")
    while not stopping(delay):
        beat()
        if news and (fresh := news.take()):
            wanted = schedules.entries_from_settings(fresh)
            housekeeper.apply_settings(fresh)
        try:
            if wanted is not None:
                schedules.sync_settings(connection, wanted)
                wanted = None
            delayed.tick()
            with log_and_continue("run schedules"):
                cron.enqueue_jobs()
            housekeeper.tick()
            backoff.reset()
            delay = TICK_SECONDS
        except RedisError as error:
            housekeeper.reset()
            delay = backoff.next_delay()
            log.warning("Redis is away (%s); trying again in %.0f s", error, delay)
    try:
        delayed.stop()
    except RedisError as error:
        log.warning("left without telling Redis: %s", error)
