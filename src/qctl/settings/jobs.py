"""Settings of jobs: declarations, retries, limits of owners, schedules, retention."""

from __future__ import annotations

import re

from qctl.settings import parsers
from qctl.settings.field import SettingsPart, setting
from qctl.settings.parsers import whole_number

YEAR_SECONDS = 31_536_000

MAX_PREFIX_CHARACTERS = 64

PREFIX_PATTERN = r"[A-Za-z0-9_.-]+|[A-Za-z0-9_.-]*\{[A-Za-z0-9_.-]+\}[A-Za-z0-9_.-]*"
"""Pattern of QUEUE_PREFIX. RQ allows more, of which Redis Cluster would take some for no hash tag."""


def _prefix(raw: str) -> str:
    if not re.fullmatch(PREFIX_PATTERN, raw) or len(raw) > MAX_PREFIX_CHARACTERS:
        raise ValueError("is not a prefix: 1 to 64 letters, digits, _ . - and at most one {tag} for Redis Cluster")
    return raw


def _trace(raw: str) -> str:
    if not re.fullmatch(r"[!-~]{1,128}", raw):
        raise ValueError("is not a trace id: 1 to 128 printable ASCII characters without spaces")
    return raw


class JobSettings(SettingsPart):
    """Part of `Settings`; not loaded by itself."""

    jobs_modules: tuple[str, ...] = setting(
        "QCTL_JOBS_MODULES",
        parsers.module_names,
        group="jobs",
        empty=(),
        doc="Your modules that declare jobs with `from qctl import job`, comma separated. They may lie in the "
        "working folder",
    )
    queue_prefix: str | None = setting(
        "QUEUE_PREFIX",
        _prefix,
        group="jobs",
        doc="Prefix of every key in Redis, so that several deployments share one Redis. Producers, workers and "
        "operators need the same; stock RQ calls it RQ_KEY_PREFIX. Redis Cluster needs a hash tag, as in {orders}. "
        "Default: rq",
    )
    trace_id: str | None = setting(
        "QCTL_TRACE_ID",
        _trace,
        group="jobs",
        doc="Trace id of the jobs that commands create, and of the commands in the audit. Set it once in a script "
        "to link all that the script does; the gateway reads it from X-Trace-Id. Default: a new id for each job",
    )
    attempts: int = setting(
        "QUEUE_DEFAULT_ATTEMPTS",
        whole_number(0, 20),
        "3",
        group="jobs",
        doc="Number of retries of a failed job after its first run",
    )
    backoff_ms: int = setting(
        "QUEUE_DEFAULT_BACKOFF",
        whole_number(0, 3_600_000),
        "2000",
        group="jobs",
        doc="Delay (ms) before the first retry, at least 1000; it doubles with each retry",
    )
    owner_per_minute: int = setting(
        "QCTL_OWNER_PER_MINUTE",
        whole_number(0, 1_000_000),
        "10",
        group="jobs",
        doc="Maximum jobs that one owner may create in any 60 s; 0: no limit. Jobs without an owner are not limited",
    )
    owner_active: int = setting(
        "QCTL_OWNER_ACTIVE",
        whole_number(0, 1000),
        "5",
        group="jobs",
        doc="Maximum jobs of one owner that wait or run at the same time; 0: no limit",
    )
    timezone: str = setting(
        "QCTL_TIMEZONE",
        parsers.timezone,
        "UTC",
        group="jobs",
        doc="Time zone of schedules that name none: Europe/Berlin",
    )
    stock_check: str | None = setting(
        "QCTL_SCHEDULE_STOCK_CHECK",
        parsers.cron,
        "*/15 * * * *",
        group="jobs",
        doc="Schedule of the stock check (minute hour day month weekday), or off",
    )
    cleanup_reports: str | None = setting(
        "QCTL_SCHEDULE_CLEANUP_REPORTS",
        parsers.cron,
        "0 3 * * *",
        group="jobs",
        doc="Schedule of the deletion of old reports, or off",
    )
    cleanup_exports: str | None = setting(
        "QCTL_SCHEDULE_CLEANUP_EXPORTS",
        parsers.cron,
        "30 3 * * *",
        group="jobs",
        doc="Schedule of the deletion of old exports, or off",
    )
    cleanup_images: str | None = setting(
        "QCTL_SCHEDULE_CLEANUP_IMAGES",
        parsers.cron,
        "0 4 * * *",
        group="jobs",
        doc="Schedule of the deletion of images that no chat message uses, or off",
    )
    keep_finished: int = setting(
        "QCTL_KEEP_FINISHED",
        whole_number(60, YEAR_SECONDS),
        "86400",
        group="jobs",
        doc="Time (s) that a finished job stays visible",
    )
    most_finished: int = setting(
        "QCTL_MOST_FINISHED",
        whole_number(1, 1_000_000),
        "10000",
        group="jobs",
        doc="Maximum number of finished jobs of a queue that stay visible; the oldest are deleted first",
    )
    job_log_lines: int = setting(
        "QCTL_JOB_LOG_LINES",
        whole_number(0, 10_000),
        "100",
        group="jobs",
        doc="Number of lines of each run of a job, logged or printed, that are kept with the job, the newest; 0: none",
    )
    job_log_bytes: int = setting(
        "QCTL_JOB_LOG_BYTES",
        whole_number(1000, 1 << 20),
        "16384",
        group="jobs",
        doc="Maximum size (bytes) of the lines that are kept of one run; beyond it the oldest are dropped",
    )
    keep_failed: int = setting(
        "QCTL_KEEP_FAILED",
        whole_number(0, 10 * YEAR_SECONDS),
        "0",
        group="jobs",
        doc="Age (s) at which dead letters move to the trash; 0: never",
    )
    keep_history: int = setting(
        "QCTL_KEEP_HISTORY",
        whole_number(1, 3650),
        "30",
        group="jobs",
        doc="Days that the history stores single events; hourly counts stay two more years in SQLite",
    )
    trash_ttl: int = setting(
        "TRASH_TTL",
        whole_number(60, YEAR_SECONDS),
        "86400",
        group="jobs",
        doc="Time (s) that the trash stores cleared and discarded jobs",
    )
