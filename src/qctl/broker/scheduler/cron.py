"""Jobs that come by the clock: rq-scheduler's store and loop, with what it gets wrong mended.

rq-scheduler 0.14 enqueues, removes and adds again in three steps (a crash between them runs a job twice, or loses its
entry for ever), under a lock that any scheduler may free; it runs the same job id every time, over one that still
runs; it reckons cron rules in the zone of its host, and hands options that it does not know to the function
(measured). Here:

- A schedule is a template of a job under keys of its own, so a stock rq-scheduler beside qctl's minds its own.
- Each time that is due is a job of its own, `cron-{schedule}-{time}`, made in the step that moves the schedule on.
  Any number of schedulers may run and be killed: there is one run a time, and no lock to wait for.
- Redis's clock decides, the schedule's zone and policy say what is due (`recurrence.py`).
"""

from __future__ import annotations

import logging
import math
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import Any, get_args

from redis import Redis
from redis.exceptions import RedisError, WatchError
from rq.job import Job
from rq.serializers import JSONSerializer
from rq.utils import utcformat
from rq_scheduler import Scheduler

from qctl.broker.bookkeeping import events
from qctl.broker.producer.enqueue import NewJob
from qctl.broker.redis import clock, job_fields, keys, untrusted_fields
from qctl.broker.redis.connection import is_temporary
from qctl.broker.redis.scripts import Script
from qctl.broker.scheduler.recurrence import Recurrence, RunPlan, plan_runs
from qctl.errors import QctlError, UsageError
from qctl.models import CatchUp

log = logging.getLogger(__name__)

SCHEDULES_PER_TICK = 100
"""Schedules that are looked at in one tick."""

NEVER_DUE = math.inf
"""When a schedule is due that is paused, or cannot be read."""

REFUSED_RETRY_SECONDS = 60.0
"""Seconds before a schedule that Redis refuses is tried again."""

_fire = Script("scheduler/fire", after="redis/types")


class ScheduleTemplate(Job):
    """What a schedule makes its jobs of: written as RQ writes jobs, in JSON, where no tool takes it for a job."""

    redis_job_namespace_prefix = keys.SCHEDULE_PREFIX

    def __init__(self, id: str | None = None, connection: Redis | None = None, serializer: Any = None) -> None:  # noqa: ARG002 - RQ passes one
        super().__init__(id=id, connection=connection, serializer=JSONSerializer)


@dataclass(frozen=True)
class ScheduleEntry:
    """A schedule as it is kept: what it makes, and when."""

    name: str
    rule: Recurrence
    job: NewJob
    catch_up: CatchUp = "one"
    left: int | None = None
    source: str = "operator"

    @property
    def fields(self) -> dict[str, Any]:
        """Its part of the template's notes. Two of them are rq-scheduler's own words."""
        return {
            "job": self.job.name,
            "cron_string": self.rule.cron,
            "interval": self.rule.every,
            "timezone": self.rule.zone,
            "catch_up": self.catch_up,
            "source": self.source,
        }

    def run(self, due: int) -> NewJob:
        """The job for one time."""
        moment = datetime.fromtimestamp(due, timezone.utc)
        return replace(self.job, id=f"cron-{self.name}-{moment:%Y%m%dT%H%M%SZ}", trace=uuid.uuid4().hex)


class CronScheduler(Scheduler):  # type: ignore[misc]  # rq-scheduler has no type hints
    """Keeps schedules and makes their jobs. `now` gives seconds since 1970; by default it is Redis's clock."""

    scheduled_jobs_key = keys.SCHEDULES
    scheduler_lock_key = keys.lock("cron")
    redis_scheduler_namespace_prefix = keys.SCHEDULER_PREFIX

    def __init__(self, connection: Redis, now: Callable[[], int] | None = None) -> None:
        super().__init__(connection=connection, job_class=ScheduleTemplate, interval=1, name="qctl")
        self.now = now or (lambda: clock.now_ms(connection) // 1000)
        self._not_before: dict[str, float] = {}

    def put(self, entry: ScheduleEntry, *, due: float, paused_by: str | None = None) -> None:
        """Write a schedule, in the place of one of its name, whose last run stays known. Due at a time."""
        template: ScheduleTemplate = self._create_job(
            entry.job.handler,
            kwargs=dict(entry.job.arguments),
            commit=False,
            id=entry.name,
            queue_name=entry.job.queue,
            result_ttl=entry.job.result_ttl,
            timeout=entry.job.timeout,
            description=entry.job.name,
            meta=entry.fields,
        )
        template.retry_intervals = list(entry.job.retry_delays) or None
        state = {job_fields.SCHEDULE_RUNS_LEFT: entry.left, job_fields.SCHEDULE_PAUSED_BY: paused_by}
        with self.connection.pipeline() as pipe:
            pipe.hdel(template.key, "retry_intervals", job_fields.SCHEDULE_PROBLEM, *state)
            template.save(pipeline=pipe)
            pipe.hset(
                template.key,
                mapping={name: value for name, value in state.items() if value is not None} or None,
                key=job_fields.SCHEDULE_SOURCE,
                value=entry.source,
            )
            pipe.zadd(self.scheduled_jobs_key, {entry.name: due})
            pipe.execute()

    def enqueue_jobs(self) -> list[str]:
        """Make the jobs that are due. Returns their ids.

        One that cannot be read is held with its problem, and one that Redis refuses tried again later: neither stops
        the others. Raises what redis-py raises where it will pass.
        """
        now = self.now()
        made: list[str] = []
        for raw, due in self.connection.zrangebyscore(
            self.scheduled_jobs_key, "-inf", now, withscores=True, start=0, num=SCHEDULES_PER_TICK
        ):
            name = untrusted_fields.decode(raw)
            if self._not_before.get(name, 0.0) > time.monotonic():
                continue
            try:
                made += self._enqueue(name, int(due), now)
            except QctlError as problem:
                self._hold(name, due, problem.message)
            except RedisError as error:
                if is_temporary(error):
                    raise
                self._not_before[name] = time.monotonic() + REFUSED_RETRY_SECONDS
                log.error("schedule %s cannot be run: %s", name, error)  # noqa: TRY400 - the cause is Redis's
        return made

    def _enqueue(self, name: str, due: int, now: int) -> list[str]:
        fields = self.connection.hgetall(keys.schedule(name))
        if not fields:
            self._forget(name)
            return []
        entry = parse_entry(self.connection, name, fields)
        step = plan_runs(entry.rule, due, now, entry.catch_up)
        runs = step.runs if entry.left is None else step.runs[: entry.left]
        left = None if entry.left is None else entry.left - len(runs)
        jobs = [entry.run(moment) for moment in runs]
        made = _fire(self.connection, *self._call(entry, due, now, replace(step, runs=runs), jobs, left))
        if made < 0:
            return []
        if step.skipped:
            log.warning(
                "schedule %s: nobody was there for %d of its times; policy %s", name, step.skipped, entry.catch_up
            )
        log.debug("schedule %s was due: %d jobs made", name, len(jobs))
        return [job.id for job in jobs]

    def _call(
        self, entry: ScheduleEntry, due: int, now: int, step: RunPlan, jobs: list[NewJob], left: int | None
    ) -> tuple[list[str], list[Any]]:
        """KEYS and ARGV of `fire.lua`."""
        queue = entry.job.queue
        args: list[Any] = [
            entry.name,
            due,
            "" if left == 0 else step.next,
            "" if left is None else left,
            step.runs[-1] if step.runs else "",
            utcformat(datetime.fromtimestamp(now, timezone.utc)),
            events.MAX_ENTRIES,
            queue,
            entry.job.name,
            step.skipped,
            entry.catch_up,
        ]
        for job in jobs:
            pairs = [part for pair in job.hash_fields(self.connection).items() for part in pair]
            args += [job.id, job.trace, len(pairs), *pairs]
        where = [keys.SCHEDULES, keys.schedule(entry.name), keys.queue(queue), keys.QUEUES, keys.EVENTS]
        return [*where, *(keys.job(job.id) for job in jobs)], args

    def _forget(self, name: str) -> None:
        """Remove a schedule whose data is gone, unless somebody writes it meanwhile."""
        with self.connection.pipeline() as pipe:
            try:
                pipe.watch(keys.schedule(name))
                if pipe.exists(keys.schedule(name)):
                    return
                pipe.multi()
                pipe.zrem(self.scheduled_jobs_key, name)
                events.record(pipe, "discarded", name=name, reason="the schedule's data is gone")
                pipe.execute()
            except WatchError:
                return
        log.warning("forgot schedule %s: its data is gone", name)

    def _hold(self, name: str, due: float, problem: str) -> None:
        """Make no more runs of a schedule that cannot be read, until somebody writes it anew."""
        with self.connection.pipeline() as pipe:
            try:
                pipe.watch(keys.schedule(name), self.scheduled_jobs_key)
                if pipe.zscore(self.scheduled_jobs_key, name) != due:
                    return
                pipe.multi()
                pipe.zadd(self.scheduled_jobs_key, {name: NEVER_DUE})
                pipe.hset(keys.schedule(name), job_fields.SCHEDULE_PROBLEM, problem)
                pipe.execute()
            except WatchError:
                return
        log.error("schedule %s is held: %s", name, problem)


def parse_entry(connection: Redis, name: str, fields: Mapping[bytes, bytes]) -> ScheduleEntry:
    """A schedule as its hash says; nothing is sent. Raises QctlError where it cannot be read or is no rule."""
    try:
        template = ScheduleTemplate(name, connection)
        template.restore(dict(fields))
        notes: Any = template.meta
        rule = Recurrence(notes.get("cron_string"), notes.get("interval"), str(notes.get("timezone", "UTC")))
        job = NewJob(
            id="",
            name=str(notes.get("job") or template.description or template.func_name),
            handler=str(template.func_name),
            queue=template.origin,
            arguments=dict(template.kwargs),
            timeout=int(template.timeout or 180),
            retry_delays=tuple(template.retry_intervals or ()),
            result_ttl=int(template.result_ttl if template.result_ttl is not None else 86_400),
        )
        catch_up = notes.get("catch_up", "one")
        left = fields.get(job_fields.SCHEDULE_RUNS_LEFT.encode())
        entry = ScheduleEntry(
            name, rule, job, catch_up, None if left is None else int(left), str(notes.get("source", "operator"))
        )
    except Exception as error:  # a corrupt hash may raise anything
        raise UsageError(f"it cannot be read: {type(error).__name__}: {error}") from error
    if catch_up not in get_args(CatchUp) or not job.queue:
        raise UsageError("it cannot be read: it names no queue, or no policy that there is")
    rule.check()
    return entry
