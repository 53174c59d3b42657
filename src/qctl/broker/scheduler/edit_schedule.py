"""Changes the times, the arguments or the policies of a schedule, and keeps the rest of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from redis import Redis

from qctl import catalog
from qctl.broker.producer.enqueue import NewJob
from qctl.broker.redis import job_fields, keys, replies, untrusted_fields
from qctl.broker.scheduler import schedules
from qctl.broker.scheduler.cron import NEVER_DUE, CronScheduler, ScheduleEntry
from qctl.broker.scheduler.recurrence import Recurrence
from qctl.catalog import arguments
from qctl.errors import RefusedError
from qctl.models import CatchUp, Schedule
from qctl.models.schedules import Overlap
from qctl.settings import Settings


def edit(
    connection: Redis,
    settings: Settings,
    name: str,
    *,
    cron: str | None = None,
    every: int | None = None,
    zone: str | None = None,
    data: Mapping[str, Any] | None = None,
    catch_up: CatchUp | None = None,
    overlap: Overlap | None = None,
    pause_on_failure: bool | None = None,
    repeat: int | None = None,
    actor: str,
) -> Schedule:
    """Change what is not None. `repeat` is the number of further runs, 0 for no end.

    A pause stays, and so does the next due time unless the times change. Raises NotFoundError, UsageError, and
    RefusedError for a schedule of the settings.
    """
    entry = schedules.read_entry(connection, name)
    if entry.source == "settings":
        hint = f"set {schedules.variable(name)}, or run qctl schedule pause {name}"
        raise RefusedError(f"schedule {name!r} comes from the settings", hint=hint)
    job = entry.job if data is None else _with_arguments(entry.job, data, settings)
    edited = replace(
        entry,
        rule=_rule(entry.rule, cron, every, zone),
        job=job,
        catch_up=catch_up or entry.catch_up,
        overlap=overlap or entry.overlap,
        pause_on_failure=entry.pause_on_failure if pause_on_failure is None else pause_on_failure,
        left=entry.left if repeat is None else repeat or None,
    )
    edited.rule.check()
    edited.job_for(0).hash_fields()  # raises UsageError for invalid arguments
    _save(connection, entry, edited)
    schedules.record(connection, edited, actor, "edited")
    return schedules.get_schedule(connection, name)


def _save(connection: Redis, before: ScheduleEntry, edited: ScheduleEntry) -> None:
    store, name = CronScheduler(connection), edited.name
    paused = replies.optional_bytes(connection.hget(keys.schedule(name), job_fields.SCHEDULE_PAUSED_BY))
    due = connection.zscore(keys.SCHEDULES, name)
    if paused:
        due = NEVER_DUE
    elif due is None or due == NEVER_DUE or edited.rule != before.rule:
        due = edited.rule.after(store.now())
    store.save(edited, due=due, paused_by=untrusted_fields.decode(paused) or None)


def _rule(rule: Recurrence, cron: str | None, every: int | None, zone: str | None) -> Recurrence:
    if cron is None and every is None:
        return replace(rule, zone=zone or rule.zone)
    return replace(rule, cron=" ".join(cron.split()) if cron else None, every=every, zone=zone or rule.zone)


def _with_arguments(job: NewJob, data: Mapping[str, Any], settings: Settings) -> NewJob:
    spec = catalog.jobs(settings.jobs_modules).get(job.name)
    if spec is not None:
        arguments.check(spec.name, spec.arguments, data)
    return replace(job, arguments=data)
