"""Settings of jobs: what runs, how often it is tried, what an owner may do, what comes by the clock, what is kept."""

from __future__ import annotations

import re
from dataclasses import dataclass

from qctl.settings import parsers
from qctl.settings.field import setting
from qctl.settings.parsers import whole_number

YEAR = 31_536_000
"""Seconds."""


def _prefix(raw: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_.-]{1,64}", raw):
        raise ValueError("is not letters, digits, _ . - (at most 64)")
    return raw


def _trace(raw: str) -> str:
    if not re.fullmatch(r"[!-~]{1,128}", raw):
        raise ValueError("is not 1 to 128 letters, digits and signs without a space")
    return raw


@dataclass(frozen=True)
class JobSettings:
    """That part of `Settings`; it is not loaded by itself."""

    jobs_modules: tuple[str, ...] = setting(
        "QCTL_JOBS_MODULES",
        parsers.module_names,
        group="jobs",
        empty=(),
        doc="Modules of yours that declare jobs with `from qctl import job`, comma separated. They may lie in the "
        "working folder",
    )
    queue_prefix: str | None = setting(
        "QUEUE_PREFIX",
        _prefix,
        group="jobs",
        doc="What every key in Redis begins with, so that several sets of queues share one Redis and do not meet. "
        "Unset: rq. All that are to meet need the same; stock RQ knows it as RQ_KEY_PREFIX",
    )
    trace_id: str | None = setting(
        "QCTL_TRACE_ID",
        _trace,
        group="jobs",
        doc="Trace id of what commands do: of jobs that they make, and of their lines in the audit. A script sets it "
        "once for all that it starts, as the gateway takes it from X-Trace-Id. Unset: a new one for each job",
    )
    attempts: int = setting(
        "QUEUE_DEFAULT_ATTEMPTS",
        whole_number(0, 20),
        "3",
        group="jobs",
        doc="Retries of a failed job after its first run",
    )
    backoff_ms: int = setting(
        "QUEUE_DEFAULT_BACKOFF",
        whole_number(0, 3_600_000),
        "2000",
        group="jobs",
        doc="Milliseconds before the first retry, at least 1000; each later one waits twice as long",
    )
    owner_per_minute: int = setting(
        "QCTL_OWNER_PER_MINUTE",
        whole_number(0, 1_000_000),
        "10",
        group="jobs",
        doc="Jobs that one owner may create in any 60 s; 0 is without a limit. Jobs without an owner are not limited",
    )
    owner_active: int = setting(
        "QCTL_OWNER_ACTIVE",
        whole_number(0, 1000),
        "5",
        group="jobs",
        doc="Jobs of one owner that may wait or run at the same time; 0 is without a limit",
    )
    timezone: str = setting(
        "QCTL_TIMEZONE",
        parsers.timezone,
        "UTC",
        group="jobs",
        doc="Time zone of schedules that name none, as in Europe/Berlin",
    )
    stock_check: str | None = setting(
        "QCTL_SCHEDULE_STOCK_CHECK",
        parsers.cron,
        "*/15 * * * *",
        group="jobs",
        doc="When stock levels are checked: minute hour day month weekday, or off",
    )
    cleanup_reports: str | None = setting(
        "QCTL_SCHEDULE_CLEANUP_REPORTS",
        parsers.cron,
        "0 3 * * *",
        group="jobs",
        doc="When old reports are deleted, or off",
    )
    cleanup_exports: str | None = setting(
        "QCTL_SCHEDULE_CLEANUP_EXPORTS",
        parsers.cron,
        "30 3 * * *",
        group="jobs",
        doc="When old exports are deleted, or off",
    )
    cleanup_images: str | None = setting(
        "QCTL_SCHEDULE_CLEANUP_IMAGES",
        parsers.cron,
        "0 4 * * *",
        group="jobs",
        doc="When images that no chat message has are deleted, or off",
    )
    keep_finished: int = setting(
        "QCTL_KEEP_FINISHED",
        whole_number(60, YEAR),
        "86400",
        group="jobs",
        doc="Seconds that a finished job stays visible",
    )
    most_finished: int = setting(
        "QCTL_MOST_FINISHED",
        whole_number(1, 1_000_000),
        "10000",
        group="jobs",
        doc="Finished jobs of a queue that stay visible; the oldest go first",
    )
    keep_failed: int = setting(
        "QCTL_KEEP_FAILED",
        whole_number(0, 10 * YEAR),
        "0",
        group="jobs",
        doc="Seconds after which dead letters go to the trash by themselves; 0 keeps them until somebody acts",
    )
    keep_history: int = setting(
        "QCTL_KEEP_HISTORY",
        whole_number(1, 3650),
        "30",
        group="jobs",
        doc="Days that the history keeps single events; counts by the hour stay two years longer in SQLite",
    )
    trash_ttl: int = setting(
        "TRASH_TTL",
        whole_number(60, YEAR),
        "86400",
        group="jobs",
        doc="Seconds that the trash keeps what was cleared or discarded",
    )
