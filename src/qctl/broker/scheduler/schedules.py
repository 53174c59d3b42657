"""Lists, adds, removes, pauses, resumes and runs schedules, and keeps those of the settings up to date."""

from __future__ import annotations

import math
import re
import time
import uuid
from collections.abc import Mapping, Sequence
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
from qctl.broker.redis import job_fields, key_prefix, keys, replies, schedule_keys, untrusted_fields
from qctl.broker.scheduler import run_history
from qctl.broker.scheduler.blackout import with_blackout
from qctl.broker.scheduler.cron import NEVER_DUE, CronScheduler, ScheduleEntry, parse_entry
from qctl.broker.scheduler.recurrence import Recurrence
from qctl.broker.worker.guarded_job import guarded_class
from qctl.catalog import arguments, options
from qctl.catalog.options import Options
from qctl.errors import NotFoundError, QctlError, RefusedError, SettingsError, UsageError
from qctl.models import CatchUp, Schedule
from qctl.models.schedules import Overlap
from qctl.settings import Settings

NAME_PATTERN = re.compile(r"[A-Za-z0-9_-]{1,80}")
"""Allowed names of schedules. The name is part of the ids of the schedule's jobs."""

RETRY_SECONDS = 5.0
"""Time (s) for which a requested run is sent again while Redis is unreachable."""

MAX_BACKFILLED_RUNS = 1000
"""Maximum runs of one backfill; a longer span is refused."""

MAX_LISTED_SCHEDULES = 1000
"""Maximum schedules that are listed; the rest are left out."""


def list_all(connection: Redis) -> list[Schedule]:
    """All schedules by name: qctl's own, and those of a stock rq-scheduler, which are read-only.

    Keys with a hash tag may lie in a cluster, where rq-scheduler's, which know no prefix, cannot be beside them.
    """
    with connection.pipeline(transaction=False) as pipe:
        for key in (keys.SCHEDULES, *(() if key_prefix.TAG else (Scheduler.scheduled_jobs_key,))):
            pipe.zrange(key, 0, MAX_LISTED_SCHEDULES - 1, withscores=True)
        own, *stock = map(replies.scored_members, replies.execute(pipe))
    foreign = stock[0] if stock else []
    with connection.pipeline(transaction=False) as pipe:
        for raw, _ in own:
            pipe.hgetall(keys.schedule(untrusted_fields.decode(raw)))
        for raw, _ in foreign:
            pipe.hgetall(keys.job(untrusted_fields.decode(raw)))
        answers = replies.execute(pipe)
    rows = [
        _parse_schedule(connection, untrusted_fields.decode(raw), due, reply)
        for (raw, due), reply in zip(own, answers, strict=False)
    ]
    rows += [
        _parse_foreign(untrusted_fields.decode(raw), due, reply)
        for (raw, due), reply in zip(foreign, answers[len(own) :], strict=True)
    ]
    return sorted(rows, key=lambda schedule: schedule.name)


def get_schedule(connection: Redis, name: str) -> Schedule:
    """The schedule with this name. Raises NotFoundError."""
    due = connection.zscore(keys.SCHEDULES, name)
    if due is None:
        raise _unknown(connection, name)
    return _parse_schedule(connection, name, due, connection.hgetall(keys.schedule(name)))


def next_times(schedule: Schedule, count: int) -> list[datetime]:
    """The next `count` due times of a schedule; none while it is paused."""
    if schedule.next_at is None or (schedule.cron is None and schedule.every is None):
        return [] if schedule.next_at is None else [schedule.next_at]
    rule = with_blackout(
        Recurrence(schedule.cron, schedule.every, schedule.timezone), schedule.blackout.encode(errors="replace")
    )
    times = [int(schedule.next_at.timestamp())]
    while len(times) < (count if schedule.left is None else min(count, schedule.left)):
        times.append(rule.after(times[-1]))
    return [datetime.fromtimestamp(due, timezone.utc) for due in times]


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
    overlap: Overlap = "allow",
    pause_on_failure: bool = False,
    repeat: int | None = None,
    queue: str | None = None,
    job_options: Options | None = None,
    replacing: bool = False,
    actor: str,
) -> Schedule:
    """Add a schedule for a job of the catalog: by a cron rule, or `every` so many seconds, at most `repeat` times.

    `job_options` may contain priority, attempts and backoff. With `every`, the first run is after one interval. Raises
    UsageError for invalid arguments, NotFoundError for an unknown job, RefusedError if the name exists.
    """
    if not NAME_PATTERN.fullmatch(name):
        raise UsageError(f"schedule name {name!r} is not made of at most 80 letters, digits, _ and -")
    if catch_up not in get_args(CatchUp):
        raise UsageError(f"catch-up policy {catch_up!r} is not skip, one or all")
    if overlap not in get_args(Overlap):
        raise UsageError(f"overlap policy {overlap!r} is not allow, skip or one")
    if repeat is not None and not 1 <= repeat <= 1_000_000:
        raise UsageError(f"repeat {repeat} is not between 1 and 1000000")
    rule = Recurrence(" ".join(cron.split()) if cron else None, every, zone or settings.timezone)
    rule.check()
    new_job = _new_job(job, data or {}, job_options or {}, settings, queue)
    if not replacing and connection.zscore(keys.SCHEDULES, name) is not None:
        raise RefusedError(f"schedule {name!r} exists", hint=f"qctl schedule edit {name}")
    entry = ScheduleEntry(name, rule, new_job, catch_up, repeat, overlap=overlap, pause_on_failure=pause_on_failure)
    entry.job_for(0).hash_fields()  # raises UsageError for invalid arguments
    store = CronScheduler(connection)
    store.save(entry, due=rule.after(store.now()))
    record(connection, entry, actor, "added")
    return get_schedule(connection, name)


def _new_job(name: str, data: Mapping[str, Any], job_options: Options, settings: Settings, queue: str | None) -> NewJob:
    """The job of a schedule: of the catalog, or a function that QCTL_ALLOWED_JOBS allows, in a queue of its own."""
    spec = catalog.jobs(settings.jobs_modules).get(name)
    if spec is None and guarded_class(settings.allowed_jobs).may_run(name):
        if job_options:
            raise UsageError("a schedule of a function has no priority", "choose its queue with --queue")
        delays = options.retry_delays(settings.attempts, settings.backoff_ms / 1000)
        return NewJob("", name, name, queue or "default", data, 180, delays, settings.keep_finished)
    if spec is None or spec.batch:
        hint = "functions of your own must be in QCTL_ALLOWED_JOBS" if "." in name else None
        raise NotFoundError(f"job {name!r} is not in the catalog", hint=hint)
    if queue is not None and catalog.base_queue(queue) != spec.queue:
        raise UsageError(f"job {name!r} of the catalog runs in queue {spec.queue!r}", "omit --queue")
    allowed = ("priority", "attempts", "backoff")
    if unknown := job_options.keys() - set(allowed):
        raise UsageError(f"a schedule has no option {', '.join(sorted(unknown))}; allowed: {', '.join(allowed)}")
    options.check(job_options)
    arguments.check(spec.name, spec.arguments, data)
    return NewJob.from_spec(spec, data, job_options, settings, id="", trace=None)


def remove(connection: Redis, name: str, *, actor: str) -> None:
    """Delete a schedule. Jobs that it created stay.

    Raises NotFoundError, and RefusedError for a schedule of the settings, which would be created again.
    """
    entry = read_entry(connection, name)
    if entry.source == "settings":
        hint = f"set {variable(name)}=off, or run qctl schedule pause {name}"
        raise RefusedError(f"schedule {name!r} comes from the settings", hint=hint)
    with connection.pipeline() as pipe:
        pipe.zrem(keys.SCHEDULES, name)
        pipe.delete(keys.schedule(name), schedule_keys.runs(name))
        record(pipe, entry, actor, "removed")
        pipe.execute()


def pause(connection: Redis, name: str, *, actor: str) -> Schedule:
    """Pause a schedule. Runs that are due before `resume` are not caught up. Raises NotFoundError."""
    entry = read_entry(connection, name)
    with connection.pipeline() as pipe:
        pipe.hset(keys.schedule(name), job_fields.SCHEDULE_PAUSED_BY, actor)
        pipe.zadd(keys.SCHEDULES, {name: NEVER_DUE}, xx=True)
        record(pipe, entry, actor, "paused")
        pipe.execute()
    return get_schedule(connection, name)


def resume(connection: Redis, name: str, *, actor: str) -> Schedule:
    """Resume a paused schedule at its next due time. Raises NotFoundError, UsageError if it cannot be read."""
    entry = read_entry(connection, name)
    if connection.zscore(keys.SCHEDULES, name) != NEVER_DUE:
        return get_schedule(connection, name)
    entry.rule.check()
    last_job = replies.optional_bytes(connection.hget(keys.schedule(name), job_fields.SCHEDULE_LAST_JOB)) or b""
    with connection.pipeline() as pipe:
        pipe.hdel(keys.schedule(name), job_fields.SCHEDULE_PAUSED_BY, job_fields.SCHEDULE_PROBLEM)
        pipe.hset(keys.schedule(name), job_fields.SCHEDULE_ACCEPTED_JOB, last_job)
        pipe.zadd(keys.SCHEDULES, {name: entry.rule.after(CronScheduler(connection).now())}, xx=True)
        record(pipe, entry, actor, "resumed")
        pipe.execute()
    return get_schedule(connection, name)


def skip(connection: Redis, name: str, *, actor: str) -> Schedule:
    """Leave out the next run of a schedule. Raises NotFoundError, RefusedError if it is paused."""
    entry = read_entry(connection, name)
    due = connection.zscore(keys.SCHEDULES, name)
    if due is None or due == NEVER_DUE:
        raise RefusedError(f"schedule {name!r} is paused: it has no next run", hint=f"qctl schedule resume {name}")
    with connection.pipeline() as pipe:
        pipe.watch(keys.SCHEDULES)
        if pipe.zscore(keys.SCHEDULES, name) == due:
            pipe.multi()
            pipe.zadd(keys.SCHEDULES, {name: entry.rule.after(int(due))}, xx=True)
            record(pipe, entry, actor, "next run skipped")
            pipe.execute()
            run_history.note(connection, name, {f"skipped:{due:.0f}": int(due)})
    return get_schedule(connection, name)


def backfill_times(connection: Redis, name: str, since: float, until: float) -> list[int]:
    """The times (s since 1970) in a span at which a schedule is due by its rule, at most `MAX_BACKFILLED_RUNS`.

    Raises NotFoundError, and UsageError for a span that is empty or has more.
    """
    entry = read_entry(connection, name)
    if until <= since:
        raise UsageError("the span is empty: --until is not after --since")
    times: list[int] = []
    time_ = math.ceil(since) if entry.rule.every else entry.rule.after(math.ceil(since) - 1)
    while time_ < until:
        if len(times) == MAX_BACKFILLED_RUNS:
            raise UsageError(f"the span has more than {MAX_BACKFILLED_RUNS} runs of {name!r}", "choose a shorter one")
        times.append(time_)
        time_ = entry.rule.after(time_)
    return times


def backfill(connection: Redis, name: str, times: Sequence[int], *, actor: str) -> list[str]:
    """Create the jobs of past times of a schedule. One that exists is not created again. Returns the new ids."""
    entry = read_entry(connection, name)
    trace = uuid.uuid4().hex
    jobs = [replace(entry.job_for(at), trace=trace) for at in times]
    if not jobs:
        return []
    created = enqueue.create(connection, jobs, actor=actor, retry_seconds=RETRY_SECONDS)
    new = {job.id: at for job, at, is_new in zip(jobs, times, created, strict=True) if is_new}
    run_history.note(connection, name, dict(list(new.items())[-run_history.MAX_RUNS :]))
    return list(new)


def run(connection: Redis, name: str, *, actor: str) -> str:
    """Create a job of a schedule now, in addition to its due times. Returns the job's id. Raises NotFoundError."""
    entry = read_entry(connection, name)
    at = time.time_ns() // 1_000_000
    job = replace(entry.job, id=f"cron-{name}-now-{at}", trace=uuid.uuid4().hex)
    enqueue.create(connection, [job], actor=actor, retry_seconds=RETRY_SECONDS)
    run_history.note(connection, name, {job.id: at // 1000})
    return job.id


def entries_from_settings(settings: Settings) -> dict[str, ScheduleEntry | None]:
    """The schedules of the settings by name, None if one is off. Raises SettingsError if one is invalid."""
    rules = {
        "stock-check": settings.stock_check,
        "cleanup-reports": settings.cleanup_reports,
        "cleanup-exports": settings.cleanup_exports,
        "cleanup-images": settings.cleanup_images,
    }
    entries: dict[str, ScheduleEntry | None] = {}
    for name, cron in rules.items():
        rule = Recurrence(cron, None, settings.timezone)
        try:
            if cron is not None:
                rule.check()
        except UsageError as error:
            raise SettingsError(variable(name), error.message) from None
        job = NewJob.from_spec(catalog.JOBS[name], {}, {}, settings, id="", trace=None)
        entries[name] = ScheduleEntry(name, rule, job, source="settings") if cron else None
    return entries


def sync_settings(connection: Redis, entries: Mapping[str, ScheduleEntry | None]) -> None:
    """Store the schedules of the settings that are missing or have changed, and delete those that are off.

    A paused schedule stays paused. Any number of schedulers may do it at once, because they write the same.
    """
    store = CronScheduler(connection)
    for name, entry in entries.items():
        fields = replies.bytes_dict(connection.hgetall(keys.schedule(name)))
        if entry is not None:
            rule = with_blackout(entry.rule, fields.get(job_fields.SCHEDULE_BLACKOUT.encode()))
            entry = replace(entry, rule=rule)
        if entry is None:
            if fields.get(job_fields.SCHEDULE_SOURCE.encode()) == b"settings":
                connection.zrem(keys.SCHEDULES, name)
                connection.delete(keys.schedule(name), schedule_keys.runs(name))
        elif not _is_current(connection, name, fields, entry):
            paused_by = untrusted_fields.decode(fields.get(job_fields.SCHEDULE_PAUSED_BY.encode())) or None
            due = NEVER_DUE if paused_by else entry.rule.after(store.now())
            store.save(entry, due=due, paused_by=paused_by)


def variable(name: str) -> str:
    """The setting that a schedule of the settings comes from."""
    return f"QCTL_SCHEDULE_{name.upper().replace('-', '_')}"


def _is_current(connection: Redis, name: str, fields: Mapping[bytes, bytes], entry: ScheduleEntry) -> bool:
    """True if the stored schedule equals `entry`, or an operator has added one with its name."""
    if not fields:
        return False
    if fields.get(job_fields.SCHEDULE_SOURCE.encode()) != b"settings":
        return True
    try:
        return parse_entry(connection, name, fields) == entry
    except QctlError:
        return False


def read_entry(connection: Redis, name: str) -> ScheduleEntry:
    """Read a schedule. Raises NotFoundError, and UsageError if it cannot be read."""
    if connection.zscore(keys.SCHEDULES, name) is None:
        raise _unknown(connection, name)
    return parse_entry(connection, name, replies.bytes_dict(connection.hgetall(keys.schedule(name))))


def _unknown(connection: Redis, name: str) -> NotFoundError:
    raw_names = replies.bytes_list(connection.zrange(keys.SCHEDULES, 0, MAX_LISTED_SCHEDULES - 1))
    names = [untrusted_fields.decode(raw) for raw in raw_names]
    close = tuple(other for other in names if name and (name in other or other in name))
    return NotFoundError(f"schedule {name!r} not found", close, hint="qctl schedule list")


def record(pipe: Redis | Pipeline, entry: ScheduleEntry, actor: str, change: str) -> None:
    """Record a change of a schedule in the event stream."""
    events.record(
        pipe, "schedule", queue=entry.job.queue, name=entry.job.name, actor=actor, reason=f"{entry.name}: {change}"
    )


def _parse_schedule(connection: Redis, name: str, due: float, fields: Any) -> Schedule:
    """A schedule for lists. If it cannot be read, `problem` says why."""
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
        blackout=untrusted_fields.decode(state.get(job_fields.SCHEDULE_BLACKOUT.encode())),
        cron=entry.rule.cron,
        every=entry.rule.every,
        timezone=entry.rule.zone,
        catch_up=entry.catch_up,
        overlap=entry.overlap,
        pause_on_failure=entry.pause_on_failure,
        left=entry.left,
        source=entry.source,
        payload=untrusted_fields.indent_payload(state.get(b"data"))[0],
        **read,
    )


def _parse_foreign(job_id: str, due: float, fields: Any) -> Schedule:
    """A schedule of a stock rq-scheduler: due time and RQ's description. Its rule is pickled, so it is not read."""
    by_name = {
        untrusted_fields.decode(field): value for field, value in (fields if isinstance(fields, dict) else {}).items()
    }
    job, queue = untrusted_fields.function_name(by_name), untrusted_fields.decode(by_name.get("origin"))
    next_at = _time(due) if math.isfinite(due) else None
    return Schedule(job_id, job or "?", queue or "?", next_at=next_at, source="rq-scheduler")


def _time(seconds: bytes | float | None) -> datetime | None:
    try:
        return None if seconds in (None, b"") else datetime.fromtimestamp(float(seconds), timezone.utc)
    except (ValueError, OverflowError, OSError):
        return None
