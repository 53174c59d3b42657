"""What an operator sees and does of schedules: list, add, remove, pause, resume, run now; and those of the settings."""

from __future__ import annotations

import math
import re
import time
import uuid
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timezone
from typing import Any, get_args

from redis import Redis
from redis.client import Pipeline
from rq_scheduler import Scheduler

from qctl import catalog
from qctl.broker.bookkeeping import events
from qctl.broker.producer import enqueue
from qctl.broker.producer.enqueue import NewJob
from qctl.broker.redis import job_fields, keys, untrusted_fields
from qctl.broker.scheduler.cron import NEVER_DUE, CronScheduler, ScheduleEntry, parse_entry
from qctl.broker.scheduler.recurrence import Recurrence
from qctl.catalog import arguments, options
from qctl.catalog.options import Options
from qctl.catalog.specs import JobSpec
from qctl.errors import NotFoundError, QctlError, RefusedError, SettingsError, UsageError
from qctl.models import CatchUp, Schedule
from qctl.settings import Settings

NAME_PATTERN = re.compile(r"[A-Za-z0-9_-]{1,80}")
"""What a schedule may be called: it becomes part of the ids of its jobs."""

RETRY_SECONDS = 5.0
"""Seconds for which a run that somebody asked for is sent again while Redis is away."""

MAX_LISTED_SCHEDULES = 1000
"""Schedules that are listed."""


def list_all(connection: Redis) -> list[Schedule]:
    """Every schedule, by name: qctl's own, and those that a stock rq-scheduler keeps, which are only shown."""
    own = connection.zrange(keys.SCHEDULES, 0, MAX_LISTED_SCHEDULES - 1, withscores=True)
    foreign = connection.zrange(Scheduler.scheduled_jobs_key, 0, MAX_LISTED_SCHEDULES - 1, withscores=True)
    with connection.pipeline(transaction=False) as pipe:
        for raw, _ in own:
            pipe.hgetall(keys.schedule(untrusted_fields.decode(raw)))
        for raw, _ in foreign:
            pipe.hgetall(keys.job(untrusted_fields.decode(raw)))
        replies = pipe.execute(raise_on_error=False)
    found = [
        _shown(connection, untrusted_fields.decode(raw), due, reply)
        for (raw, due), reply in zip(own, replies, strict=False)
    ]
    found += [
        _foreign(untrusted_fields.decode(raw), due, reply)
        for (raw, due), reply in zip(foreign, replies[len(own) :], strict=True)
    ]
    return sorted(found, key=lambda schedule: schedule.name)


def get_schedule(connection: Redis, name: str) -> Schedule:
    """One schedule. Raises NotFoundError."""
    due = connection.zscore(keys.SCHEDULES, name)
    if due is None:
        raise _unknown(connection, name)
    return _shown(connection, name, due, connection.hgetall(keys.schedule(name)))


def next_times(schedule: Schedule, count: int) -> list[datetime]:
    """The next times that a schedule is due, none while it is paused."""
    if schedule.next_at is None or (schedule.cron is None and schedule.every is None):
        return [] if schedule.next_at is None else [schedule.next_at]
    rule = Recurrence(schedule.cron, schedule.every, schedule.timezone)
    times = [int(schedule.next_at.timestamp())]
    while len(times) < (count if schedule.left is None else min(count, schedule.left)):
        times.append(rule.after(times[-1]))
    return [datetime.fromtimestamp(each, timezone.utc) for each in times]


def add(
    connection: Redis,
    settings: Settings,
    name: str,
    job: str,
    data: Mapping[str, Any] | None = None,
    *,
    cron: str | None = None,
    every: int | None = None,
    zone: str | None = None,
    catch_up: CatchUp = "one",
    repeat: int | None = None,
    how: Options | None = None,
    replacing: bool = False,
    actor: str,
) -> Schedule:
    """Have a job of the catalog come by a cron rule, or every so many seconds; `repeat` times, or for ever.

    `how` may hold priority, attempts and backoff. The first interval ends in its first run. Raises UsageError where
    something of it cannot be, NotFoundError where there is no such job, RefusedError where the name is taken.
    """
    if not NAME_PATTERN.fullmatch(name):
        raise UsageError(f"{name!r} is not letters, digits, _ and -, at most 80")
    if catch_up not in get_args(CatchUp):
        raise UsageError(f"catch-up {catch_up!r} is not skip, one or all")
    if repeat is not None and not 1 <= repeat <= 1_000_000:
        raise UsageError(f"{repeat} repeats are not between 1 and 1000000")
    rule = Recurrence(" ".join(cron.split()) if cron else None, every, zone or settings.timezone)
    rule.check()
    spec = catalog.jobs(settings.jobs_modules).get(job)
    if spec is None or spec.batch:
        raise NotFoundError(f"no job is called {job!r}")
    if not replacing and connection.zscore(keys.SCHEDULES, name) is not None:
        raise RefusedError(f"a schedule {name} exists already", hint=f"qctl schedule remove {name}")
    entry = ScheduleEntry(name, rule, _job(spec, data or {}, how or {}, settings), catch_up, repeat)
    entry.run(0).hash_fields(connection)  # raises what is wrong with the arguments
    store = CronScheduler(connection)
    store.put(entry, due=rule.after(store.now()))
    _tell(connection, entry, actor, "added")
    return get_schedule(connection, name)


def _job(spec: JobSpec, data: Mapping[str, Any], how: Options, settings: Settings) -> NewJob:
    allowed = {"priority", "attempts", "backoff"}
    if wrong := how.keys() - allowed:
        raise UsageError(f"a schedule cannot have {', '.join(sorted(wrong))}")
    options.check(how)
    arguments.check(spec.name, spec.arguments, data)
    return NewJob.from_spec(spec, data, how, settings, id="", trace=None)


def remove(connection: Redis, name: str, *, actor: str) -> None:
    """Forget a schedule. What it made stays.

    Raises NotFoundError, and RefusedError for one of the settings, which would be there again.
    """
    entry = _entry(connection, name)
    if entry.source == "settings":
        hint = f"set {_variable(name)}=off, or pause it"
        raise RefusedError(f"schedule {name} comes from the settings", hint=hint)
    with connection.pipeline() as pipe:
        pipe.zrem(keys.SCHEDULES, name)
        pipe.delete(keys.schedule(name))
        _tell(pipe, entry, actor, "removed")
        pipe.execute()


def pause(connection: Redis, name: str, *, actor: str) -> Schedule:
    """Make no more jobs of a schedule until `resume`. Its times that pass meanwhile are not made up for.

    Raises NotFoundError.
    """
    entry = _entry(connection, name)
    with connection.pipeline() as pipe:
        pipe.hset(keys.schedule(name), job_fields.SCHEDULE_PAUSED_BY, actor)
        pipe.zadd(keys.SCHEDULES, {name: NEVER_DUE}, xx=True)
        _tell(pipe, entry, actor, "paused")
        pipe.execute()
    return get_schedule(connection, name)


def resume(connection: Redis, name: str, *, actor: str) -> Schedule:
    """Let a paused schedule go on with its next time. Raises NotFoundError, UsageError where it cannot be read."""
    entry = _entry(connection, name)
    if connection.zscore(keys.SCHEDULES, name) != NEVER_DUE:
        return get_schedule(connection, name)
    entry.rule.check()
    with connection.pipeline() as pipe:
        pipe.hdel(keys.schedule(name), job_fields.SCHEDULE_PAUSED_BY, job_fields.SCHEDULE_PROBLEM)
        pipe.zadd(keys.SCHEDULES, {name: entry.rule.after(CronScheduler(connection).now())}, xx=True)
        _tell(pipe, entry, actor, "resumed")
        pipe.execute()
    return get_schedule(connection, name)


def run(connection: Redis, name: str, *, actor: str) -> str:
    """Make a job of a schedule now, beside its times. Returns the job's id. Raises NotFoundError."""
    entry = _entry(connection, name)
    job = replace(entry.job, id=f"cron-{name}-now-{time.time_ns() // 1_000_000}", trace=uuid.uuid4().hex)
    enqueue.create(connection, [job], actor=actor, retry_seconds=RETRY_SECONDS)
    return job.id


def entries_from_settings(settings: Settings) -> dict[str, ScheduleEntry | None]:
    """The schedules that the settings ask for, None for what is off. Raises SettingsError where one cannot be."""
    wanted = {
        "stock-check": settings.stock_check,
        "cleanup-reports": settings.cleanup_reports,
        "cleanup-exports": settings.cleanup_exports,
        "cleanup-images": settings.cleanup_images,
    }
    entries: dict[str, ScheduleEntry | None] = {}
    for name, cron in wanted.items():
        rule = Recurrence(cron, None, settings.timezone)
        try:
            if cron is not None:
                rule.check()
        except UsageError as error:
            raise SettingsError(_variable(name), error.message) from None
        job = NewJob.from_spec(catalog.JOBS[name], {}, {}, settings, id="", trace=None)
        entries[name] = ScheduleEntry(name, rule, job, source="settings") if cron else None
    return entries


def sync_settings(connection: Redis, wanted: Mapping[str, ScheduleEntry | None]) -> None:
    """Write the schedules of the settings where they are not there, or say something else; remove what is off.

    One that somebody paused stays paused. Any number of schedulers may do it at once: they write the same.
    """
    store = CronScheduler(connection)
    for name, entry in wanted.items():
        fields = connection.hgetall(keys.schedule(name))
        if entry is None:
            if fields.get(job_fields.SCHEDULE_SOURCE.encode()) == b"settings":
                connection.zrem(keys.SCHEDULES, name)
                connection.delete(keys.schedule(name))
        elif not _says(connection, name, fields, entry):
            paused_by = untrusted_fields.decode(fields.get(job_fields.SCHEDULE_PAUSED_BY.encode())) or None
            due = NEVER_DUE if paused_by else entry.rule.after(store.now())
            store.put(entry, due=due, paused_by=paused_by)


def _variable(name: str) -> str:
    return f"QCTL_SCHEDULE_{name.upper().replace('-', '_')}"


def _says(connection: Redis, name: str, fields: Mapping[bytes, bytes], entry: ScheduleEntry) -> bool:
    """Whether a hash says what an entry says, or is an operator's who took the name."""
    if not fields:
        return False
    if fields.get(job_fields.SCHEDULE_SOURCE.encode()) != b"settings":
        return True
    try:
        return parse_entry(connection, name, fields) == entry
    except QctlError:
        return False


def _entry(connection: Redis, name: str) -> ScheduleEntry:
    if connection.zscore(keys.SCHEDULES, name) is None:
        raise _unknown(connection, name)
    return parse_entry(connection, name, connection.hgetall(keys.schedule(name)))


def _unknown(connection: Redis, name: str) -> NotFoundError:
    known = [untrusted_fields.decode(raw) for raw in connection.zrange(keys.SCHEDULES, 0, MAX_LISTED_SCHEDULES - 1)]
    close = tuple(other for other in known if name and (name in other or other in name))
    return NotFoundError(f"no schedule {name}", close, hint="qctl schedule list")


def _tell(pipe: Redis | Pipeline, entry: ScheduleEntry, actor: str, done: str) -> None:
    events.record(
        pipe, "schedule", queue=entry.job.queue, name=entry.job.name, actor=actor, reason=f"{entry.name}: {done}"
    )


def _shown(connection: Redis, name: str, due: float, fields: Any) -> Schedule:
    """A schedule as it is shown. What cannot be read says why."""
    state = fields if isinstance(fields, dict) else {}
    read: dict[str, Any] = {
        "next_at": _time(due) if math.isfinite(due) else None,
        "last_due": _time(state.get(job_fields.SCHEDULE_LAST_DUE.encode())),
        "last_at": untrusted_fields.parse_time(state.get(job_fields.SCHEDULE_LAST_RUN_AT.encode())),
        "last_job": untrusted_fields.decode(state.get(job_fields.SCHEDULE_LAST_JOB.encode())) or None,
        "runs": untrusted_fields.parse_count(state.get(job_fields.SCHEDULE_RUNS.encode())) or 0,
        "missed": untrusted_fields.parse_count(state.get(job_fields.SCHEDULE_MISSED.encode())) or 0,
        "missed_at": untrusted_fields.parse_time(state.get(job_fields.SCHEDULE_MISSED_AT.encode())),
        "paused_by": untrusted_fields.decode(state.get(job_fields.SCHEDULE_PAUSED_BY.encode())) or None,
        "problem": untrusted_fields.decode(state.get(job_fields.SCHEDULE_PROBLEM.encode())) or None,
    }
    try:
        entry = parse_entry(connection, name, state)
    except QctlError as error:
        return Schedule(name, "?", "?", **{**read, "problem": read["problem"] or error.message})
    return Schedule(
        name,
        entry.job.name,
        entry.job.queue,
        cron=entry.rule.cron,
        every=entry.rule.every,
        timezone=entry.rule.zone,
        catch_up=entry.catch_up,
        left=entry.left,
        source=entry.source,
        payload=untrusted_fields.indent_payload(state.get(b"data"))[0],
        **read,
    )


def _foreign(job_id: str, due: float, fields: Any) -> Schedule:
    """What a stock rq-scheduler keeps: when, and what RQ's description says; its rule is pickled and stays unread."""
    known = {
        untrusted_fields.decode(field): value for field, value in (fields if isinstance(fields, dict) else {}).items()
    }
    job, queue = untrusted_fields.function_name(known), untrusted_fields.decode(known.get("origin"))
    next_at = _time(due) if math.isfinite(due) else None
    return Schedule(job_id, job or "?", queue or "?", next_at=next_at, source="rq-scheduler")


def _time(seconds: bytes | float | None) -> datetime | None:
    try:
        return None if seconds in (None, b"") else datetime.fromtimestamp(float(seconds), timezone.utc)
    except (ValueError, OverflowError, OSError):
        return None
